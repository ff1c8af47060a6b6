"""Mutants of what strangers share at an exit: sessions, memory, connections and lookups."""
from mutant_list import CORE, SYSTEM, mutant

PAID = "sphinx/base/paid_shares.hpp"
SESSIONS = "relay/core/exit_sessions.cpp"
EXIT = "relay/io/exit.cpp"
ONE_OF_N = "paid shares: one of N that pay the same holds at most its part, whatever it does"
TURNS = "turns: a burst at once, then one each gap, and none beyond the patience"
LIVELY = "where all sessions are lively one too many finds no place, and ends none"
LEAST = "exit shares: sessions that say something every 1.9 s keep no honest session out"
MEMORY = "exit shares: when memory is short the session that has paid least for its part ends"
ALL_END = "exit: all sessions that carry streams pay for them, and when memory is short all end"
TAKES_NONE = "exit shares: sessions with a packet each take no connection from one that pays"
STILLEST = "exit shares: of a session that loses a connection it is the one still for longest"
PAGE = "exit shares: a page's connections do not wait, and more than that take turns"
IN_TIME = "exit shares: what does not move ends in its time"

MUTANTS = [
    # --- sphinx/base/paid_shares, turns ---
    mutant("payments-do-not-decay", PAID, "std::exp(to_seconds(one_ - now) / of_memory()) + amount",
           "std::exp(to_seconds(one_ - Mono{}) / of_memory()) + amount",
           CORE, "paid: payments add up and decay, and more paid ends later"),
    mutant("newcomer-wins-among-equals", PAID, "until(found->held()) < paid.until(held) ? found",
           "until(found->held()) <= paid.until(held - 1) ? found",
           CORE, "paid shares: among equals the newcomer is refused, and nothing goes round"),
    mutant("stale-rank-decides", PAID, "            changed(first);\n", "",
           CORE, "paid shares: a payment moves the worst to its place before it is asked for"),
    mutant("holding-more-costs-no-more", PAID, "holder.paid().until(holder.held()));", "holder.paid().until(1));",
           CORE, ONE_OF_N),
    mutant("refused-turn-is-taken", PAID, "if (turn - now > patience) return std::nullopt;",
           "if (turn - now > patience) return next_ += gap_, std::nullopt;", CORE, TURNS),
    mutant("rest-adds-up", PAID, "next_ = std::max(next_, now);", "", CORE, TURNS),
    mutant("new-taker-has-the-whole-burst", PAID, "next_{now + from_seconds((burst - at_start) / per_second)}",
           "next_{now + from_seconds((burst - std::max(at_start, burst)) / per_second)}", CORE, TURNS),
    # --- sessions and memory ---
    mutant("half-the-law-is-enough", SESSIONS, "parameters.main_slots.per_second() / 25", "0.0", CORE, LEAST),
    mutant("paid-ahead-without-end", SESSIONS, "if (entry.packets.until(least()) < now + limits.silence) ", "",
           CORE, LIVELY),
    mutant("carriers-pay-for-themselves-alone", SESSIONS, "    session->carried()->packets.pay(1, now);\n", "",
           CORE, MEMORY),
    mutant("one-carrier-stays-with-all-memory", SESSIONS, "const auto ends = loser->carriers;",
           "const std::vector<ExitSession*> ends{loser->carriers.front()};", CORE,
           "exit: all sessions that carry streams pay for them, and when memory is short all end"),
    mutant("unopened-stream-stays", SESSIONS, "carried.streams->mux.reset_unopened(stream::ResetReason::timed_out);", "",
           CORE, "exit shares: a byte far ahead costs a page, and not for long if nothing opens its stream"),
    mutant("unopened-stream-ends-at-once", "sphinx/stream/mux.cpp", "std::exchange(stream.awaited, true)",
           "(stream.awaited = true)",
           CORE, "exit shares: a byte far ahead costs a page, and not for long if nothing opens its stream"),
    # --- connections ---
    mutant("interruption-ends-a-half-closed-stream", "relay/io/exit.cpp",
           "if (half && sessions_.interrupted(connection->ref.session)) connection->moved = now;", "", SYSTEM,
           "exit shares: what does not move ends in its time"),
    mutant("full-exit-refuses-every-newcomer", "relay/io/exit_places.cpp",
           "shares_.loser(sessions_.paid(session), static_cast<double>(held + 1));",
           "shares_.loser(base::Paid{}, static_cast<double>(held + 1));", SYSTEM, TAKES_NONE),
    mutant("busiest-connection-loses", EXIT, "at->second->moved < idlest->moved", "at->second->moved > idlest->moved",
           SYSTEM, STILLEST),
    mutant("opens-without-turns", EXIT, "connection->begins = *turn;", "", SYSTEM, PAGE),
    mutant("half-closed-connection-lives", EXIT, "(half ? limits_.half_closed : limits_.idle)", "limits_.idle",
           SYSTEM, IN_TIME),
    mutant("idle-connection-lives", EXIT, "if (const auto now = mono_now(); now >= next_look_) end_stuck(now);", "",
           SYSTEM, IN_TIME),
    mutant("stuck-connection-lives", EXIT, "now - *connection->writes_since > limits_.stuck;",
           "now - *connection->writes_since > 100 * limits_.stuck;", SYSTEM, IN_TIME),
    mutant("session-end-closes-nothing", EXIT, "            end_session(event.session);\n", "", SYSTEM,
           "exit shares: no connection outlives its session, whatever its target takes"),
    mutant("kernel-takes-what-a-target-does-not", "relay/io/exit_dial.cpp",
           "    socket.set_option(tcp::socket::send_buffer_size{kernel_bytes}, ignored);\n", "", SYSTEM,
           "exit shares: no connection outlives its session, whatever its target takes"),
    # --- lookups ---
    mutant("lookups-outlive-their-session", EXIT, "    names_.end(session);\n", "", SYSTEM,
           "exit shares: lookups end with their session"),
    mutant("lookups-first-come-first-served", "relay/io/exit_names.cpp",
           "if (grant && grant->loser) end_oldest(*grant->loser);\n    return grant.has_value();",
           "if (grant && grant->loser) return places_.give_back(session), false;\n    return grant.has_value();",
           SYSTEM, "exit shares: lookups of a server that is silent keep no other session from its own"),
    mutant("withdrawn-question-asked-on", "relay/io/resolver.cpp", "        last->channel->stop();\n", "", SYSTEM,
           "resolver: a cancelled query is not answered, and leaves its place and its question"),
    mutant("withdrawn-channel-asks-again", "relay/io/resolver.cpp",
           "transport == AresChannel::Transport::udp && !question->withdrawn;",
           "transport == AresChannel::Transport::udp;", SYSTEM,
           "resolver: a cancelled query is not answered, and leaves its place and its question"),
]

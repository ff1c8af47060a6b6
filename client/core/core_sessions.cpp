#include <algorithm>
#include <utility>

#include "client/core/core_impl.hpp"

namespace nightjar::client::core {

Health Core::Impl::health(SessionHandle handle) {
    auto& live = sessions.at(handle);
    const bool silent = live.silence.dead(watch.time());
    const auto stall = watch.last_stall();
    // A session is forgotten after a stall of the link, or when its exit restarts. Neither is a
    // reason to draw another exit: an attacker on the link could cause as many as it likes.
    const bool excused =
        live.session->forgotten() || (silent && stall && *stall > live.silence.last_heard());
    const bool unlisted = document->find(live.session->exit()) == nullptr;
    if (silent && !excused && !unlisted && !live.blamed) {
        // At once: the session that takes its place is opened in the same step.
        live.blamed = true;
        blame(*live.session);
    }
    return {.confirmed = live.session->stock_confirmed(),
            .dead = silent || live.session->forgotten(),
            .excused = excused,
            .unlisted = unlisted,
            .ticking_for = live.silence.ticking_for(watch.time())};
}

/// A session is silent if its exit or the mix that it keeps is down. Another session that is being
/// answered shows which of the two is up.
void Core::Impl::blame(Session& silent) {
    const auto layer = silent.routes().first_kept_layer(*document);
    bool exit_is_up = false, mix_is_up = false;
    for (auto& [handle, live] : sessions) {
        auto& other = *live.session;
        const bool answered =
            other.answered() && live.silence.last_heard() >= clock - answered_lately;
        if (&other == &silent || !answered) continue;
        exit_is_up = exit_is_up || other.exit() == silent.exit();
        mix_is_up =
            mix_is_up || (layer && other.routes().kept(*layer) == silent.routes().kept(*layer));
    }
    if (layer && !mix_is_up) guards.failed(silent.routes().kept(*layer), wall);
    if (!exit_is_up || mix_is_up) guards.failed(silent.exit(), wall);
}

std::optional<SessionHandle> Core::Impl::open_shared() {
    // A main session that is due for its successor ends its exit's turn, as does a dead exit.
    for (const auto& entry : plan.entries())
        if (entry.phase == Phase::main ? !entry.isolated : entry.dead && !entry.excused)
            forget_turn_of(entry.handle);
    return create_session(std::nullopt);
}

void Core::Impl::forget_turn_of(SessionHandle session) {
    std::erase_if(turns, [&](const auto& turn) { return turn.second.session == session; });
}

const directory::Relay* Core::Impl::exit_of_turn(const std::optional<IsolationKey>& key) {
    std::erase_if(turns, [this](const auto& turn) {
        return clock - turn.second.drawn >= document->parameters.session_lifetime;
    });
    const auto found = turns.find(key);
    return found == turns.end() ? nullptr : document->find(found->second.exit);
}

const directory::Relay* Core::Impl::choose_exit() {
    std::vector<base::NodeId> in_use;
    for (const auto& entry : sessions)
        in_use.push_back(entry.second.session->exit());
    return guards.exit(*document, gateway_relay(), in_use, wall, random);
}

/// Gives the session a mix to keep, if it has none or the document no longer lists the one it has.
void Core::Impl::keep_mix(Session& session) {
    auto& routes = session.routes();
    const auto layer = routes.first_kept_layer(*document);
    const auto* exit = document->find(session.exit());
    if (!layer || exit == nullptr) return;
    const auto* kept = document->find(routes.kept(*layer));
    if (kept != nullptr && kept->layer == *layer) return;
    const auto* mix = guards.mix(*document, *layer, gateway_relay(), *exit, wall, random);
    if (mix != nullptr) routes.keep(*layer, mix->identity);
}

std::optional<SessionHandle> Core::Impl::create_session(const std::optional<IsolationKey>& key) {
    const auto* exit = exit_of_turn(key);
    const bool drawn = exit == nullptr;
    if (drawn) exit = choose_exit();
    if (exit == nullptr) return std::nullopt;
    const auto handle = ++last_handle;
    if (drawn) turns[key] = {.exit = exit->identity, .drawn = clock};
    turns[key].session = handle;
    sessions.try_emplace(
        handle, std::make_unique<Session>(handle, exit->identity, document->parameters, random),
        clock);
    keep_mix(*sessions.at(handle).session);
    return handle;
}

void Core::Impl::run_plan(base::Mono now) {
    law_time = now;
    plan.step(now, network, *this);
    for (const auto& entry : plan.entries()) {
        auto& live = sessions.at(entry.handle);
        live.silence.ticking(entry.schedule.at(now).per_second(), watch.time());
        if (entry.dead) {
            // An exit that answered, but was dropped all the same.
            if (!entry.excused && !std::exchange(live.blamed, true))
                guards.failed(live.session->exit(), wall);
            reset_streams(live);
        }
        if (entry.isolated && entry.phase >= Phase::lingering && !entry.excused)
            forget_turn_of(entry.handle);
    }
    for (const auto handle : plan.take_gone())
        end_session(handle);
    keys.forget_idle(now);
}

void Core::Impl::reset_streams(SessionEntry& live) {
    const auto ended = std::move(live.streams);
    live.streams.clear();
    auto& mux = live.session->mux();
    for (const auto& [id, ref] : ended) {
        auto& stream = streams.at(ref);
        stream.rest.resize(mux.readable(id));
        mux.read(id, stream.rest);
    }
    for (const auto& event : mux.take_events()) {
        const auto found = ended.find(event.stream);
        if (event.kind == stream::Event::Kind::finished && found != ended.end())
            streams.at(found->second).rest_complete = true;
    }
    for (const auto& [id, ref] : ended) {
        auto& stream = streams.at(ref);
        mux.reset(id, stream::ResetReason::session_ended);
        stream.session = loops_handle;
        if (!stream.rest.empty()) {
            report(ref, stream::Event::Kind::stopped, stream::ResetReason::session_ended);
            continue;
        }
        report(ref, stream::Event::Kind::reset, stream::ResetReason::session_ended);
        streams.erase(ref);
    }
}

void Core::Impl::report(StreamRef ref, stream::Event::Kind kind, stream::ResetReason reason) {
    CoreEvent event{.stream = ref, .event = {}};
    event.event.kind = kind;
    event.event.reason = reason;
    events.push_back(std::move(event));
}

/// The bytes that arrived in order before their session ended are good. The end is not, unless it
/// is the target's own.
std::size_t Core::Impl::read_rest(StreamRef ref, Stream& stream, base::ByteSpan out) {
    const auto n = std::min(out.size(), stream.rest.size() - stream.rest_read);
    std::copy_n(stream.rest.begin() + static_cast<std::ptrdiff_t>(stream.rest_read), n,
                out.begin());
    stream.rest_read += n;
    if (stream.rest_read < stream.rest.size()) return n;
    if (stream.rest_complete)
        report(ref, stream::Event::Kind::finished, stream::ResetReason::session_ended);
    if (!stream.rest_complete || !stream.sent_all)
        report(ref, stream::Event::Kind::reset, stream::ResetReason::session_ended);
    streams.erase(ref);
    return n;
}

void Core::Impl::end_session(SessionHandle handle) {
    const auto found = sessions.find(handle);
    if (found == sessions.end()) return;
    reset_streams(found->second);
    outstanding.forget_session(handle);
    keys.ended(handle);
    sessions.erase(found);
}

void Core::Impl::end_sessions() {
    while (!sessions.empty())
        end_session(sessions.begin()->first);
    plan.clear();
    plan_started = false;
}

/// The sessions of isolation keys that have come no further than `last`.
std::vector<SessionHandle> Core::Impl::isolated_sessions(Phase last) const {
    std::vector<SessionHandle> found;
    for (const auto& entry : plan.entries())
        if (entry.isolated && entry.phase <= last) found.push_back(entry.handle);
    return found;
}

/// When a key's session lingers, its streams continue, and its new streams get another session.
std::optional<SessionHandle> Core::Impl::session_for(const IsolationKey& key) {
    if (!plan_started) return std::nullopt;
    if (key.empty()) return plan.current(clock);
    if (plan.isolated_max() == 0) {
        keys.share(key, {loops_handle}, clock);
        return plan.current(clock);
    }
    const auto takes_streams = isolated_sessions(Phase::main);
    const auto known = keys.find(key);
    if (known && std::ranges::count(takes_streams, *known) > 0) return known;
    if (plan.room_for_isolated()) {
        if (const auto handle = create_session(key)) {
            plan.add_isolated(*handle, clock);
            keys.own(key, *handle, clock);
            return handle;
        }
    }
    if (!takes_streams.empty()) return keys.share(key, takes_streams, clock);
    // Better a session that ends within a lifetime than none.
    const auto lingering = isolated_sessions(Phase::lingering);
    if (lingering.empty()) return std::nullopt;
    return keys.share(key, lingering, clock);
}

}  // namespace nightjar::client::core

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
    for (const auto& entry : plan.entries())
        if (entry.dead && !entry.excused) forget_turn_of(entry.handle);
    return create_session(std::nullopt);
}

void Core::Impl::forget_turn_of(SessionHandle session) {
    std::erase_if(turns, [&](const auto& turn) { return turn.second.session == session; });
}

const directory::Relay* Core::Impl::exit_of_turn(const std::optional<IsolationKey>& key) {
    std::erase_if(turns, [this](const auto& turn) { return clock >= turn.second.ends; });
    const auto found = turns.find(key);
    const auto* exit = found == turns.end() ? nullptr : document->find(found->second.exit);
    return exit != nullptr && guards.may_use(*document, *exit) ? exit : nullptr;
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
    if (drawn) turns[key] = {.exit = exit->identity, .ends = clock + turn_length(key)};
    auto& turn = turns[key];
    turn.session = handle;
    // The same exit may be drawn again. Then streams go on there, so the term does as well.
    const auto last = shared_main ? sessions.find(*shared_main) : sessions.end();
    const bool stays =
        !key && last != sessions.end() && last->second.session->exit() == exit->identity;
    if (drawn) turn.first = stays ? last->second.term : handle;
    sessions.try_emplace(
        handle, std::make_unique<Session>(handle, exit->identity, document->parameters, random),
        new_bundle(), clock);
    auto& live = sessions.at(handle);
    live.term = turn.first;
    live.session->use({live.bundle, &live.bundle->mux});
    keep_mix(*live.session);
    return handle;
}

/// A term ends half a lifetime before a handover, so small differences of clocks decide nothing.
base::Nanoseconds Core::Impl::turn_length(const std::optional<IsolationKey>& key) {
    const base::Nanoseconds lifetime = document->parameters.session_lifetime;
    if (key) return lifetime;
    const auto sessions_there = exit_term_min + random.below(exit_term_max - exit_term_min + 1);
    return static_cast<std::int64_t>(sessions_there) * lifetime - lifetime / 2;
}

void Core::Impl::run_plan(base::Mono now) {
    law_time = now;
    plan.step(now, network, *this);
    if (std::ranges::any_of(plan.entries(),
                            [](const auto& of) { return of.phase > Phase::waiting; }))
        correction.told();  // that session's packets name seconds of network time
    follow_handover(now);
    for (const auto& entry : plan.entries()) {
        auto& live = sessions.at(entry.handle);
        live.silence.ticking(entry.schedule.at(now).per_second(), watch.time());
        if (entry.dead) {
            // An exit that answered, but was dropped all the same.
            if (!entry.excused && !std::exchange(live.blamed, true))
                guards.failed(live.session->exit(), wall);
            leave_streams(entry.handle, live);
        }
        if (entry.isolated && entry.phase >= Phase::lingering && !entry.excused)
            forget_turn_of(entry.handle);
    }
    for (const auto handle : plan.take_gone())
        end_session(handle);
    keys.forget_idle(now);
}

void Core::Impl::end_session(SessionHandle handle) {
    const auto found = sessions.find(handle);
    if (found == sessions.end()) return;
    leave_streams(handle, found->second);
    outstanding.forget_session(handle);
    keys.ended(handle);
    sessions.erase(found);
}

void Core::Impl::end_sessions() {
    while (!sessions.empty())
        end_session(sessions.begin()->first);
    plan.clear();
    shared_main.reset();
    plan_started = false;
}

bool Core::Impl::new_identity() {
    if (!plan_started || !plan.room_for_isolated()) return false;
    identity.renew(last_handle);
    return true;
}

/// The sessions of isolation keys that take new streams.
std::vector<SessionHandle> Core::Impl::isolated_sessions() const {
    std::vector<SessionHandle> found;
    for (const auto& entry : plan.entries())
        if (entry.isolated && entry.phase <= Phase::main) found.push_back(entry.handle);
    return found;
}

/// When a key's session lingers, its streams continue, and its new streams get another session.
std::optional<SessionHandle> Core::Impl::session_for(const IsolationKey& key) {
    if (!plan_started) return std::nullopt;
    if (key.empty()) return shared_session();
    if (plan.isolated_max() == 0) {
        keys.share(key, {loops_handle}, clock);
        return shared_session();
    }
    const auto takes_streams = isolated_sessions();
    const auto known = keys.find(key);
    if (known && std::ranges::count(takes_streams, *known) > 0) return known;
    if (plan.room_for_isolated()) {
        if (const auto handle = create_session(key)) {
            plan.add_isolated(*handle, clock);
            keys.own(key, *handle, clock);
            return handle;
        }
    }
    if (!takes_streams.empty()) return keys.share(key, identity.of_now(takes_streams), clock);
    // Better a session that ends within a lifetime than none.
    const auto lingering = plan.lingering_isolated(clock);
    if (lingering.empty()) return std::nullopt;
    return keys.share(key, identity.of_now(lingering), clock);
}

}  // namespace nightjar::client::core

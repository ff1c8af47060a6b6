#include "relay/core/exit_sessions.hpp"

#include <algorithm>
#include <utility>

#include "relay/core/exit_sessions_impl.hpp"
#include "sphinx/base/check.hpp"
#include "sphinx/base/codec.hpp"
#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/directory/repair_time.hpp"

namespace nightjar::relay::core {

namespace {

constexpr base::Seconds sweep_interval{1};     // how often silent sessions are ended
constexpr std::uint64_t unopened_sweeps = 20;  // between two looks for streams without an OPEN

ExitEvent all_ended(const base::SessionId& name) {
    ExitEvent event{name, {}};
    event.event.kind = stream::Event::Kind::reset;
    event.event.reason = stream::ResetReason::session_ended;
    return event;
}

/// A packet of no session: a client fills a slot with it (docs/traffic-law.md section 1).
bool is_filler(base::ByteView message) {
    return message.size() == stream::message_size &&
           base::SessionId::from(message.first(base::SessionId::size()))->is_zero();
}

}  // namespace

double least_paid(const directory::Parameters& parameters) {
    return std::max(0.5, parameters.main_slots.per_second() / 25);
}

stream::MuxLimits ExitSessions::Impl::stream_limits() const {
    if (limits.streams) return *limits.streams;
    return stream::MuxLimits::for_rate(parameters.main_slots.per_second(),
                                       directory::repair_time(parameters));
}

void ExitSessions::Impl::note_change(const base::SessionId& name) {
    if (!std::exchange(streams.at(name).changed, true)) changed.push_back(name);
}

void ExitSessions::Impl::requeue(Entry& entry) {
    const auto next = entry.session.due();
    if (next == entry.queued) return;
    entry.queued = next;
    if (next == base::Mono::max())
        due.unset(entry.tick);
    else
        due.set(entry.tick, next);
}

/// `memory` and the share of these streams change by what one of their parts holds.
void ExitSessions::Impl::account(ExitStreams& carried, std::size_t before, std::size_t after) {
    memory = memory - before + after;
    carried.bytes = carried.bytes - before + after;
    if (after > before || carried.bytes == 0) shares.changed(carried);
}

void ExitSessions::Impl::charge(Entry& entry) {
    const auto before = std::exchange(entry.charged, entry.session.memory());
    account(*entry.session.carried(), before, entry.charged);
    const bool counts = entry.session.answered() && !frozen(entry);
    pace_milli -= std::exchange(entry.paced, counts ? entry.session.pace().milli : 0);
    pace_milli += entry.paced;
}

void ExitSessions::Impl::charge(const base::SessionId& name) {
    const auto it = streams.find(name);
    if (it == streams.end()) return;
    auto& carried = it->second;
    const auto before = std::exchange(carried.charged, carried.streams->memory());
    account(*carried.streams, before, carried.charged);
}

/// The streams lose all their sessions: one that is left would hold as much as before.
void ExitSessions::Impl::enforce_memory_limit() {
    while (memory > limits.memory_max) {
        auto* loser = shares.worst();
        if (loser == nullptr) return;
        const auto ends = loser->carriers;
        for (const auto* carrier : ends)
            end(*find(carrier->id()), stream::ResetReason::overload);
        counters.drop(DropReason::overflow);
    }
}

/// Ends the session that has paid least, if that is less than an honest one pays. If all pay, none
/// ends: an ended one would return with its next packet and end another, so one session too many
/// would end them all in turn.
void ExitSessions::Impl::make_place(base::Mono now) {
    auto& worst = *places.worst();
    if (worst.packets.until(least()) > now) return;
    end(worst, stream::ResetReason::overload);
    counters.drop(DropReason::overflow);
}

/// No session pays so far ahead that it keeps its place when it counts as frozen.
void ExitSessions::Impl::pay_place(Entry& entry, base::Mono now) const {
    if (entry.packets.until(least()) < now + limits.silence) entry.packets.pay(1, now);
}

ExitSessions::Impl::Entry* ExitSessions::Impl::begin(const base::SessionId& id, base::Mono now) {
    // The session of this id has ended, and a later one still carries its streams.
    if (streams.contains(id)) return nullptr;
    if (sessions.size() >= limits.sessions_max) make_place(now);
    if (sessions.size() >= limits.sessions_max) return nullptr;
    auto made = std::make_unique<Entry>(id, next_incarnation(id), parameters, stream_limits());
    auto& entry = *sessions.emplace(id, std::move(made)).first->second;
    const auto& carried = streams[id].streams = entry.session.carried();
    shares.enter(*carried);
    // What would decay to the least in that time.
    entry.packets.pay(least(), now + limits.newcomer);
    places.enter(entry);
    places.changed(entry);
    entry.tick = due.enter(entry);
    next_sweep = std::min(next_sweep, now + sweep_interval);
    return &entry;
}

/// A keyed hash of the session and a counter: it never repeats by more than chance, and says
/// nothing about other sessions. The key is new at each start of the exit.
std::uint32_t ExitSessions::Impl::next_incarnation(const base::SessionId& id) {
    base::ByteArray<base::SessionId::size() + sizeof begun> name{};
    base::Writer writer{name};
    writer.bytes(id.bytes);
    writer.u64(++begun);
    const auto hash = static_cast<std::uint32_t>(sessions.hash_function()(base::ByteView{name}));
    return std::max<std::uint32_t>(hash, 1);
}

void ExitSessions::Impl::end_silent(base::Mono now) {
    std::vector<base::SessionId> over;
    for (const auto& [id, entry] : sessions) {
        const bool ticks = entry->session.due() != base::Mono::max();
        if (now - entry->session.heard() > (ticks ? limits.frozen : limits.silence))
            over.push_back(id);
    }
    std::sort(over.begin(), over.end());  // the order must not depend on the table's hash key
    for (const auto& id : over)
        end(*find(id), stream::ResetReason::session_ended);
    end_unopened();
    next_sweep = sessions.empty() ? base::Mono::max() : now + sweep_interval;
}

/// A part of the streams each time, so that no second has the work for all. The OPEN of an honest
/// client is lost three times at most in such a time, or its link is interrupted.
void ExitSessions::Impl::end_unopened() {
    const auto turn = sweeps++ % unopened_sweeps;
    for (auto& [name, carried] : streams) {
        if (name.bytes.back() % unopened_sweeps != turn) continue;
        carried.streams->mux.reset_unopened(stream::ResetReason::timed_out);
        charge(name);
    }
}

void ExitSessions::Impl::forget_streams(const base::SessionId& name) {
    const auto it = streams.find(name);
    assert(it != streams.end());
    if (it->second.changed) std::erase(changed, name);
    account(*it->second.streams, it->second.charged, 0);
    shares.leave(*it->second.streams);
    base::erase_and_wipe(streams, it);
}

void ExitSessions::Impl::join(Entry& entry, base::ByteView token, base::Mono now) {
    const auto own = entry.session.carried();
    const auto charged = std::exchange(entry.charged, 0);
    account(*own, charged, 0);
    auto* named = find(*base::SessionId::from(token.first(base::SessionId::size())));
    stream::JoinToken bytes;
    NIGHTJAR_CHECK(token.size() == bytes.size());
    std::copy(token.begin(), token.end(), bytes.begin());
    entry.session.on_join(bytes, named ? &named->session : nullptr, now);
    if (entry.session.carried() != own) forget_streams(own->name);
    charge(entry);
}

void ExitSessions::Impl::end(Entry& entry, stream::ResetReason reason) {
    const auto carried = entry.session.carried();
    entry.session.end(reason, events);
    account(*carried, entry.charged, 0);
    if (carried->carriers.empty()) {
        if (!carried->mux.unused()) events.push_back(all_ended(carried->name));
        forget_streams(carried->name);
    } else {
        charge(carried->name);
    }
    due.leave(entry.tick);
    places.leave(entry);
    pace_milli -= entry.paced;
    base::erase_and_wipe(sessions, sessions.find(entry.session.id()));
}

ExitSessions::ExitSessions(const directory::Parameters& parameters, base::Random& random,
                           Counters& counters, ExitLimits limits,
                           std::unique_ptr<ReplySealer> sealer)
    : impl_{std::make_unique<Impl>(parameters, random, counters, limits, std::move(sealer))} {}
ExitSessions::~ExitSessions() = default;

void ExitSessions::use(const directory::Parameters& parameters) {
    impl_->parameters = parameters;
    impl_->beat.use(parameters.replies.milli);
}

void ExitSessions::on_message(base::ByteView message, base::Mono now, base::Wall wall) {
    auto& self = *impl_;
    if (is_filler(message)) return;
    // Check the whole message before acting on any part of it.
    const auto header = stream::decode_up(message);
    if (!header) return self.counters.drop(DropReason::malformed);
    const auto frames =
        stream::CheckedFrames::parse(stream::Side::exit, stream::frames_of(*header, message));
    if (!frames) return self.counters.drop(DropReason::malformed);
    self.latest = std::max(self.latest, now);
    self.beat.follow(now, wall);
    auto* entry = self.find(header->session);
    if (!entry) entry = self.begin(header->session, now);
    if (!entry) return self.counters.drop(DropReason::overflow);
    self.pay_place(*entry, now);
    const Impl::Use session{self, *entry};
    if (const auto* join = frames->find(stream::FrameType::join))
        self.join(*entry, join->bytes, now);
    session->carried()->packets.pay(1, now);
    self.note_change(session->carried()->name);
    session->receive(*header, message, *frames, now, self.context());
}

void ExitSessions::Impl::make_ticks(base::Mono by, std::size_t most, base::Mono now,
                                    base::Wall wall) {
    for (; most > 0 && !due.empty() && due.first_due() <= by; --most) {
        auto& entry = due.first();
        Use session{*this, entry};
        const auto at = session->due();
        if (now - at > limits.silence) {
            // Ticks from hours in which a suspended exit did not run do not count as missed.
            session->restart(now, context());
            continue;
        }
        auto reply = session->tick(now, wall, context());
        if (reply) {
            ready.push_back({at, std::move(*reply)});
            continue;
        }
        session.streams_unchanged();
        if (frozen(entry)) continue;
        ++counters.ticks_missed;
    }
}

void ExitSessions::tick(base::Mono now, base::Wall wall, std::vector<Reply>& out) {
    auto& self = *impl_;
    self.latest = std::max(self.latest, now);
    self.beat.follow(now, wall);
    if (now >= self.next_sweep) self.end_silent(now);
    self.make_ticks(now, SIZE_MAX, now, wall);
    for (; !self.ready.empty() && self.ready.front().at <= now; self.ready.pop_front()) {
        out.push_back(std::move(self.ready.front().reply));
        ++self.counters.replies;
    }
}

base::Mono ExitSessions::next_due() const {
    auto next = impl_->next_sweep;
    if (!impl_->ready.empty()) next = std::min(next, impl_->ready.front().at);
    if (impl_->due.empty()) return next;
    const auto due = impl_->due.first_due();
    // The caller of tick() may never call prepare(): then it must not be called again and again.
    const auto early = due - impl_->lead();
    return std::min(next, impl_->latest < early ? early : due);
}

bool ExitSessions::wants_to_prepare(base::Mono now) const {
    return !impl_->due.empty() && impl_->due.first_due() - impl_->lead() <= now;
}

void ExitSessions::prepare(base::Mono now, base::Wall wall) {
    impl_->make_ticks(now + impl_->lead(), prepared_together, now, wall);
}

const stream::Beat& ExitSessions::beat() const {
    return impl_->beat;
}

std::vector<ExitEvent> ExitSessions::take_events() {
    auto events = std::exchange(impl_->events, {});
    // Sort by name: the order of the messages in one tick is random.
    std::sort(impl_->changed.begin(), impl_->changed.end());
    for (const auto& name : std::exchange(impl_->changed, {})) {
        impl_->streams.at(name).changed = false;
        for (auto& event : impl_->mux(name)->take_events())
            events.push_back({name, std::move(event)});
    }
    return events;
}

std::size_t ExitSessions::memory() const {
    return impl_->memory;
}
double ExitSessions::pace() const {
    return static_cast<double>(impl_->pace_milli) / 1000;
}

std::size_t ExitSessions::sessions() const {
    return impl_->sessions.size();
}

bool ExitSessions::interrupted(const base::SessionId& streams) const {
    const auto found = impl_->streams.find(streams);
    return found != impl_->streams.end() &&
           std::ranges::all_of(found->second.streams->carriers,
                               [this](const auto* carrier) { return impl_->frozen(*carrier); });
}

std::size_t ExitSessions::stock(const base::SessionId& session) const {
    const auto* found = impl_->find(session);
    return found ? found->session.stock() : 0;
}

void ExitSessions::list_holdings(base::Holdings& out) const {
    const auto& [parameters, random, counters, limits, sealer, sessions, streams, begun, sweeps,
                 memory, pace, due, places, shares, next_sweep, latest, changed, events, beat,
                 ready] = *impl_;
    std::size_t surbs = 0;
    std::size_t open = 0;
    std::size_t names = 0;
    for (const auto& [id, entry] : sessions)
        surbs += entry->session.stock();
    for (const auto& [name, carried] : streams) {
        open += carried.streams->mux.streams();
        names += carried.streams->names.size();
    }
    out.push_back(
        {"ExitSessions.sessions", "sessions", sessions.size(),
         "a session's identifier, its pace, when it last sent, and which packets came; no "
         "client"});
    out.push_back({"ExitSessions.surbs", "sessions", surbs,
                   "reply blocks: the first relay of a reply, and keys for its outer layer"});
    out.push_back(
        {"ExitSessions.streams", "streams", open,
         "the bytes that wait for a target or for a reply, in clear unless the application "
         "encrypts"});
    out.push_back(
        {"ExitSessions.names", "destinations", names,
         "names that a session looked up, with their addresses, for at most 300 s and not "
         "beyond the session"});
    out.push_back({"ExitSessions.ready", "sessions", ready.size(),
                   "sealed replies that leave at the next moment of the beat"});
    out.push_back({"ExitSessions.events", "streams", events.size() + changed.size(),
                   "within one tick: names and ports to connect to"});
}

}  // namespace nightjar::relay::core

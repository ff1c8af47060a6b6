#include "relay/core/exit_sessions.hpp"

#include <algorithm>
#include <boost/circular_buffer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <limits>
#include <utility>

#include "relay/core/limits.hpp"
#include "relay/core/reply_pace.hpp"
#include "sphinx/base/due_heap.hpp"
#include "sphinx/base/keyed_hash.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/stream/packet_log.hpp"

namespace nightjar::relay::core {

namespace {

constexpr base::Seconds sweep_interval{1};  // how often silent sessions are ended
constexpr std::size_t reply_hops_max = 4;   // docs/packet-format.md section 6

struct StoredSurb {
    base::Secret<packet::surb_size> bytes;  // secret: its seed opens the outer layer of the reply
    std::uint8_t epoch = 0;
};

struct Session {
    Session(const base::SessionId& name, base::Nanoseconds patience,
            const stream::MuxLimits& limits)
        : id{name}, mux{stream::Side::exit, limits}, sent{patience} {}

    const base::SessionId id;
    stream::Mux mux;
    stream::SentLog sent;
    stream::ArrivedLog arrived;
    ReplyPace pace;
    boost::circular_buffer<StoredSurb> surbs;  // oldest first
    base::Mono heard{};
    base::DueHeap<Session>::Handle silence = 0;  // handle in `by_silence`
    base::DueHeap<Session>::Handle number = 0;   // handle in `due`
    base::Mono queued = base::Mono::max();       // due time in `due`; max(): not due
    std::size_t bytes = 0;                       // its share of Impl::memory
    bool changed = false;                        // true if it is in `changed`
};

}  // namespace

std::optional<base::NodeId> ReplySealer::seal(base::ByteView surb, base::ByteView message,
                                              base::ByteSpan packet) {
    const auto first_hop = packet::use_surb(surb, message, packet);
    if (!first_hop) return std::nullopt;
    return *first_hop;
}

struct ExitSessions::Impl {
    using Sessions =
        boost::unordered_flat_map<base::SessionId, std::unique_ptr<Session>, base::KeyedHash>;

    Impl(const directory::Parameters& of_network, base::Random& source, Counters& count,
         ExitLimits bounds, std::unique_ptr<ReplySealer> seals)
        : parameters{of_network},
          random{source},
          counters{count},
          limits{bounds},
          sealer{std::move(seals)},
          sessions{0, base::KeyedHash{source}} {}

    Session* find(const base::SessionId& id) {
        const auto it = sessions.find(id);
        return it == sessions.end() ? nullptr : it->second.get();
    }
    std::size_t stock_max() const;
    stream::MuxLimits stream_limits() const;
    void take_surbs(Session& session, const stream::UpHeader& header, base::ByteView message);
    void follow(Session& session, const stream::Schedule& schedule, base::Mono now);
    void requeue(Session& session);
    void note_change(Session& session);
    bool usable(std::uint8_t epoch_low_byte, base::Wall wall) const;
    void drop_unusable(Session& session, base::Wall wall);
    std::optional<Reply> spend(Session& session, base::Mono now, base::Wall wall);
    Session* begin(const base::SessionId& id, base::Mono now);
    Session& longest_silent();
    void end_silent(base::Mono now);
    void end(Session& session, stream::ResetReason reason);
    void charge(Session& session);
    void enforce_memory_limit();

    directory::Parameters parameters;
    base::Random& random;
    Counters& counters;
    ExitLimits limits;
    std::unique_ptr<ReplySealer> sealer;
    Sessions sessions;
    std::size_t memory = 0;  // sum of `weighed` over all sessions
    base::DueHeap<Session> due;
    base::DueHeap<Session> by_silence;  // by the time last heard, or an earlier time
    base::Mono next_sweep = base::Mono::max();
    std::vector<Session*> changed;  // sessions that may have events, each once
    std::vector<ExitEvent> events;  // events of ended sessions
};

/// A stock hardly exceeds the target S*. Twice S* also holds the extra SURBs of a change of pace.
std::size_t ExitSessions::Impl::stock_max() const {
    const std::size_t law = parameters.surb_stock_target(parameters.replies);
    return std::min(
        {limits.surbs_max, 2 * law + 64, std::size_t{std::numeric_limits<std::uint16_t>::max()}});
}

stream::MuxLimits ExitSessions::Impl::stream_limits() const {
    if (limits.streams) return *limits.streams;
    return stream::MuxLimits::for_rate(parameters.main_slots.per_second());
}

void ExitSessions::Impl::take_surbs(Session& session, const stream::UpHeader& header,
                                    base::ByteView message) {
    for (std::size_t i = 0; i < header.surb_count; ++i) {
        if (session.surbs.size() >= stock_max()) session.surbs.pop_front();
        const auto bytes = stream::surb_of(header, message, i);
        // A full buffer would overwrite its oldest SURB, so grow it first.
        const auto capacity = session.surbs.capacity();
        if (session.surbs.full())
            session.surbs.set_capacity(std::min(capacity + capacity / 2 + 4, stock_max()));
        session.surbs.push_back();
        auto& surb = session.surbs.back();
        std::copy(bytes.begin(), bytes.end(), surb.bytes.data());
        surb.epoch = header.surb_epoch;
    }
}

void ExitSessions::Impl::follow(Session& session, const stream::Schedule& schedule,
                                base::Mono now) {
    session.pace.follow(schedule, parameters.replies, now, random);
    const auto pace = session.pace.highest();
    if (pace.milli > 0) session.sent.resend_after(parameters.resend_after(pace));
}

void ExitSessions::Impl::note_change(Session& session) {
    if (!std::exchange(session.changed, true)) changed.push_back(&session);
}

void ExitSessions::Impl::requeue(Session& session) {
    const auto next = session.pace.due();
    if (next == session.queued) return;
    session.queued = next;
    if (next == base::Mono::max())
        due.unset(session.number);
    else
        due.set(session.number, next);
}

ExitSessions::ExitSessions(const directory::Parameters& parameters, base::Random& random,
                           Counters& counters, ExitLimits limits,
                           std::unique_ptr<ReplySealer> sealer)
    : impl_{std::make_unique<Impl>(parameters, random, counters, limits, std::move(sealer))} {}
ExitSessions::~ExitSessions() = default;

void ExitSessions::use(const directory::Parameters& parameters) {
    impl_->parameters = parameters;
}

void ExitSessions::on_message(base::ByteView message, base::Mono now) {
    auto& self = *impl_;
    const auto header = stream::decode_up(message);
    // Check the whole message before acting on any part of it.
    if (!header) return self.counters.drop(DropReason::malformed);
    const auto frames =
        stream::CheckedFrames::parse(stream::Side::exit, stream::frames_of(*header, message));
    if (!frames) return self.counters.drop(DropReason::malformed);
    auto* session = self.find(header->session);
    if (!session) session = self.begin(header->session, now);
    if (!session) return self.counters.drop(DropReason::overflow);
    if (!session->arrived.arrived(header->number)) return;
    session->heard = now;
    self.follow(*session, header->schedule, now);
    self.take_surbs(*session, *header, message);
    for (const auto& settled : session->sent.on_acks(header->acks))
        session->mux.acknowledged(settled.number);
    session->mux.receive(*frames);
    self.note_change(*session);
    self.requeue(*session);
    self.charge(*session);
    self.enforce_memory_limit();  // must come last: may end this session
}

/// If the table is full, the session silent for longest ends; an attacker who fills an exit must
/// keep each session active. If all are active, none ends: an ended one would return with its next
/// packet and end another, so one session too many would end them all in turn.
Session* ExitSessions::Impl::begin(const base::SessionId& id, base::Mono now) {
    if (sessions.size() >= limits.sessions_max) {
        auto& longest = longest_silent();
        if (now - longest.heard < limits.recently_heard) return nullptr;
        end(longest, stream::ResetReason::overload);
        counters.drop(DropReason::overflow);
    }
    auto& session =
        *sessions
             .emplace(id, std::make_unique<Session>(id, 2 * parameters.longest_route_delay(),
                                                    stream_limits()))
             .first->second;
    session.silence = by_silence.enter(session);
    by_silence.set(session.silence, now);
    session.number = due.enter(session);
    next_sweep = std::min(next_sweep, now + sweep_interval);
    return &session;
}

/// A message does not reorder `by_silence`: a session's position is corrected when it comes first.
/// Precondition: there is a session.
Session& ExitSessions::Impl::longest_silent() {
    for (;;) {
        auto& session = by_silence.first();
        if (session.heard <= by_silence.first_due()) return session;
        by_silence.set(session.silence, session.heard);
    }
}

void ExitSessions::Impl::charge(Session& session) {
    memory -= session.bytes;
    // Release the memory of SURBs that were spent or expired.
    if (session.surbs.size() < session.surbs.capacity() / 4)
        session.surbs.set_capacity(session.surbs.capacity() / 2);
    session.bytes = session.mux.memory() + session.surbs.capacity() * sizeof(StoredSurb);
    memory += session.bytes;
}

void ExitSessions::Impl::enforce_memory_limit() {
    while (memory > limits.memory_max && !sessions.empty()) {
        // Break ties by session id: the order must not depend on the table's hash key.
        const auto weight = [](const auto& entry) {
            return std::pair{entry.second->bytes, entry.first};
        };
        const auto largest =
            std::max_element(sessions.begin(), sessions.end(),
                             [&](const auto& a, const auto& b) { return weight(a) < weight(b); });
        end(*largest->second, stream::ResetReason::overload);
        counters.drop(DropReason::overflow);
    }
}

/// True if every hop of a reply that leaves now will still hold that epoch's key. Relays keep it
/// for the longest route delay after the epoch; the reply may take four delay caps of that.
bool ExitSessions::Impl::usable(std::uint8_t epoch_low_byte, base::Wall wall) const {
    const auto length = parameters.epoch_length;
    const auto now = directory::epoch_at(wall, length);
    const auto ahead = static_cast<std::int8_t>(epoch_low_byte - now.low_byte());
    if (ahead == 0) return true;
    if (ahead == 1)
        return wall + directory::key_early >= directory::epoch_start(now.next(), length);
    const auto grace = parameters.longest_route_delay() - reply_hops_max * parameters.delay_cap();
    return ahead == -1 && wall - directory::epoch_start(now, length) < grace;
}

void ExitSessions::Impl::drop_unusable(Session& session, base::Wall wall) {
    while (!session.surbs.empty() && !usable(session.surbs.front().epoch, wall))
        session.surbs.pop_front();
}

std::optional<ExitSessions::Reply> ExitSessions::Impl::spend(Session& session, base::Mono now,
                                                             base::Wall wall) {
    drop_unusable(session, wall);
    if (session.surbs.empty()) return std::nullopt;
    const auto surb = std::move(session.surbs.front());
    session.surbs.pop_front();
    for (const auto& settled : session.sent.expire(now))
        session.mux.lost(settled.number);

    stream::DownHeader header;
    header.number = session.sent.next(now, 0);
    header.stock = static_cast<std::uint16_t>(session.surbs.size());
    header.acks = session.arrived.next_acks();
    base::Secret<stream::message_size> message;
    stream::encode(header, message.span());
    session.mux.fill(header.number, message.span().subspan(stream::down_header_size));
    auto cell = cell::Cell::boxed_packet(surb.epoch);
    const auto first_hop = sealer->seal(surb.bytes.view(), message.view(), cell->body());
    if (!first_hop) return std::nullopt;
    return Reply{*first_hop, std::move(cell)};
}

void ExitSessions::Impl::end(Session& session, stream::ResetReason reason) {
    session.mux.reset_all(reason);
    for (auto& event : session.mux.take_events())
        events.push_back({session.id, std::move(event)});
    if (session.changed) std::erase(changed, &session);
    due.leave(session.number);
    by_silence.leave(session.silence);
    memory -= session.bytes;
    sessions.erase(sessions.find(session.id));
}

void ExitSessions::Impl::end_silent(base::Mono now) {
    while (!by_silence.empty()) {
        auto& longest = longest_silent();
        if (now - longest.heard <= limits.silence) break;
        end(longest, stream::ResetReason::session_ended);
    }
    next_sweep = sessions.empty() ? base::Mono::max() : now + sweep_interval;
}

void ExitSessions::tick(base::Mono now, base::Wall wall, std::vector<Reply>& out) {
    auto& self = *impl_;
    if (now >= self.next_sweep) self.end_silent(now);
    while (!self.due.empty() && self.due.first_due() <= now) {
        const auto when = self.due.first_due();
        auto& session = self.due.first();
        if (now - when > self.limits.silence) {
            // Ticks from hours in which a suspended exit did not run do not count as missed.
            session.pace.restart(now, self.random);
            self.requeue(session);
            continue;
        }
        auto reply = now - when > lateness_max ? std::nullopt : self.spend(session, now, wall);
        if (reply) {
            out.push_back(std::move(*reply));
            ++self.counters.replies;
        } else {
            ++self.counters.ticks_missed;
        }
        session.pace.ticked(self.random);
        self.requeue(session);
        self.charge(session);
    }
}

base::Mono ExitSessions::next_due() const {
    const auto& due = impl_->due;
    return due.empty() ? impl_->next_sweep : std::min(due.first_due(), impl_->next_sweep);
}

std::vector<ExitEvent> ExitSessions::take_events() {
    auto events = std::exchange(impl_->events, {});
    // Sort by id: the order of the messages in one tick is random.
    std::sort(impl_->changed.begin(), impl_->changed.end(),
              [](const auto* a, const auto* b) { return a->id < b->id; });
    for (auto* session : impl_->changed) {
        session->changed = false;
        for (auto& event : session->mux.take_events())
            events.push_back({session->id, std::move(event)});
    }
    impl_->changed.clear();
    return events;
}

void ExitSessions::accept(const StreamRef& stream) {
    if (auto* session = impl_->find(stream.session)) session->mux.accept(stream.stream);
}

std::size_t ExitSessions::write(const StreamRef& stream, base::ByteView bytes) {
    auto* session = impl_->find(stream.session);
    if (!session) return 0;
    const auto taken = session->mux.write(stream.stream, bytes);
    impl_->charge(*session);
    impl_->enforce_memory_limit();
    return taken;
}

std::size_t ExitSessions::writable(const StreamRef& stream) const {
    const auto* session = impl_->find(stream.session);
    return session ? session->mux.writable(stream.stream) : 0;
}

std::size_t ExitSessions::read(const StreamRef& stream, base::ByteSpan out) {
    auto* session = impl_->find(stream.session);
    if (!session) return 0;
    impl_->note_change(*session);
    const auto taken = session->mux.read(stream.stream, out);
    impl_->charge(*session);
    return taken;
}

void ExitSessions::finish(const StreamRef& stream) {
    if (auto* session = impl_->find(stream.session)) session->mux.finish(stream.stream);
}
void ExitSessions::stop(const StreamRef& stream, stream::ResetReason reason) {
    if (auto* session = impl_->find(stream.session)) session->mux.stop(stream.stream, reason);
}
void ExitSessions::reset(const StreamRef& stream, stream::ResetReason reason) {
    auto* session = impl_->find(stream.session);
    if (!session) return;
    impl_->note_change(*session);
    session->mux.reset(stream.stream, reason);
    impl_->charge(*session);
}

std::size_t ExitSessions::memory() const {
    return impl_->memory;
}
std::size_t ExitSessions::sessions() const {
    return impl_->sessions.size();
}

std::size_t ExitSessions::stock(const base::SessionId& session) const {
    const auto* found = impl_->find(session);
    return found ? found->surbs.size() : 0;
}

}  // namespace nightjar::relay::core

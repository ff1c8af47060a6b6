#include "relay/core/exit_sessions.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <tuple>
#include <utility>

#include "relay/core/limits.hpp"
#include "sphinx/base/codec.hpp"
#include "sphinx/base/due_heap.hpp"
#include "sphinx/base/keyed_hash.hpp"

namespace nightjar::relay::core {

namespace {

constexpr base::Seconds sweep_interval{1};  // how often silent sessions are ended

/// A session's place in the tables.
struct Entry {
    Entry(const base::SessionId& id, std::uint32_t incarnation,
          const directory::Parameters& parameters, const stream::MuxLimits& limits)
        : session{id, incarnation, parameters, limits} {}

    ExitSession session;
    base::DueHeap<Entry>::Handle silence = 0;  // handle in `by_silence`
    base::DueHeap<Entry>::Handle tick = 0;     // handle in `due`
    base::Mono queued = base::Mono::max();     // due time in `due`; max(): not due
    std::size_t charged = 0;                   // its share of Impl::memory
    std::uint32_t paced = 0;                   // its share of Impl::pace_milli
    bool changed = false;                      // true if it is in `changed`
};

}  // namespace

struct ExitSessions::Impl {
    using Sessions =
        boost::unordered_flat_map<base::SessionId, std::unique_ptr<Entry>, base::KeyedHash>;
    class Use;

    Impl(const directory::Parameters& of_network, base::Random& source, Counters& count,
         ExitLimits bounds, std::unique_ptr<ReplySealer> seals)
        : parameters{of_network},
          random{source},
          counters{count},
          limits{bounds},
          sealer{std::move(seals)},
          sessions{0, base::KeyedHash{source}} {}

    Entry* find(const base::SessionId& id) const {
        const auto it = sessions.find(id);
        return it == sessions.end() ? nullptr : it->second.get();
    }
    ExitContext context() const { return {parameters, random, *sealer, limits.surbs_max}; }
    stream::MuxLimits stream_limits() const;
    Entry* begin(const base::SessionId& id, base::Mono now);
    std::uint32_t next_incarnation(const base::SessionId& id);
    Entry& longest_silent();
    void end_silent(base::Mono now);
    void end(Entry& entry, stream::ResetReason reason);
    void note_change(Entry& entry);
    void requeue(Entry& entry);
    void charge(Entry& entry);
    void enforce_memory_limit();
    bool frozen(const Entry& entry) const {
        return latest - entry.session.heard() > limits.silence;
    }

    directory::Parameters parameters;
    base::Random& random;
    Counters& counters;
    ExitLimits limits;
    std::unique_ptr<ReplySealer> sealer;
    Sessions sessions;
    std::uint64_t begun = 0;       // sessions
    std::size_t memory = 0;        // sum of `charged` over all sessions
    std::uint64_t pace_milli = 0;  // sum of `paced` over all sessions
    std::size_t unanswered = 0;    // ticks without a SURB
    base::DueHeap<Entry> due;
    base::DueHeap<Entry> by_silence;  // by the time last heard, or an earlier time
    base::Mono next_sweep = base::Mono::max();
    base::Mono latest{};            // the latest time that a caller has passed in
    std::vector<Entry*> changed;    // sessions that may have events, each once
    std::vector<ExitEvent> events;  // events of ended sessions
};

/// Every call that may change a session is made through a Use. When the Use ends, it queues the
/// session's next tick, charges what the session holds now, and enforces the memory limit. That may
/// end this session or another: keep no reference to a session for longer than its Use.
class ExitSessions::Impl::Use {
 public:
    Use(Impl& sessions, Entry& entry) : sessions_{sessions}, entry_{entry} {}
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() {
        sessions_.requeue(entry_);
        sessions_.charge(entry_);
        sessions_.enforce_memory_limit();
    }
    ExitSession* operator->() const { return &entry_.session; }

 private:
    Impl& sessions_;
    Entry& entry_;
};

stream::MuxLimits ExitSessions::Impl::stream_limits() const {
    if (limits.streams) return *limits.streams;
    return stream::MuxLimits::for_rate(parameters.main_slots.per_second());
}

void ExitSessions::Impl::note_change(Entry& entry) {
    if (!std::exchange(entry.changed, true)) changed.push_back(&entry);
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

void ExitSessions::Impl::charge(Entry& entry) {
    memory -= std::exchange(entry.charged, entry.session.memory());
    memory += entry.charged;
    const bool counts = entry.session.answered() && !frozen(entry);
    pace_milli -= std::exchange(entry.paced, counts ? entry.session.pace().milli : 0);
    pace_milli += entry.paced;
}

void ExitSessions::Impl::enforce_memory_limit() {
    while (memory > limits.memory_max && !sessions.empty()) {
        // A frozen session has no claim to memory that a live one needs. Break ties by session id:
        // the order must not depend on the table's hash key.
        const auto weight = [this](const auto& entry) {
            return std::tuple{frozen(*entry.second), entry.second->charged, entry.first};
        };
        const auto largest =
            std::max_element(sessions.begin(), sessions.end(),
                             [&](const auto& a, const auto& b) { return weight(a) < weight(b); });
        end(*largest->second, stream::ResetReason::overload);
        counters.drop(DropReason::overflow);
    }
}

/// If the table is full, the session silent for longest ends; an attacker who fills an exit must
/// keep each session active. If all are active, none ends: an ended one would return with its next
/// packet and end another, so one session too many would end them all in turn.
Entry* ExitSessions::Impl::begin(const base::SessionId& id, base::Mono now) {
    if (sessions.size() >= limits.sessions_max) {
        auto& longest = longest_silent();
        if (now - longest.session.heard() < limits.recently_heard) return nullptr;
        end(longest, stream::ResetReason::overload);
        counters.drop(DropReason::overflow);
    }
    auto made = std::make_unique<Entry>(id, next_incarnation(id), parameters, stream_limits());
    auto& entry = *sessions.emplace(id, std::move(made)).first->second;
    entry.silence = by_silence.enter(entry);
    by_silence.set(entry.silence, now);
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

/// A message does not reorder `by_silence`: a session's position is corrected when it comes first.
/// Precondition: there is a session.
Entry& ExitSessions::Impl::longest_silent() {
    for (;;) {
        auto& entry = by_silence.first();
        if (entry.session.heard() <= by_silence.first_due()) return entry;
        by_silence.set(entry.silence, entry.session.heard());
    }
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
    next_sweep = sessions.empty() ? base::Mono::max() : now + sweep_interval;
}

void ExitSessions::Impl::end(Entry& entry, stream::ResetReason reason) {
    entry.session.end(reason, events);
    if (entry.changed) std::erase(changed, &entry);
    due.leave(entry.tick);
    by_silence.leave(entry.silence);
    pace_milli -= entry.paced;
    memory -= entry.charged;
    sessions.erase(sessions.find(entry.session.id()));
}

ExitSessions::ExitSessions(const directory::Parameters& parameters, base::Random& random,
                           Counters& counters, ExitLimits limits,
                           std::unique_ptr<ReplySealer> sealer)
    : impl_{std::make_unique<Impl>(parameters, random, counters, limits, std::move(sealer))} {}
ExitSessions::~ExitSessions() = default;

void ExitSessions::use(const directory::Parameters& parameters) {
    impl_->parameters = parameters;
}

void ExitSessions::on_message(base::ByteView message, base::Mono now, base::Wall wall) {
    auto& self = *impl_;
    // Check the whole message before acting on any part of it.
    const auto header = stream::decode_up(message);
    if (!header) return self.counters.drop(DropReason::malformed);
    const auto frames =
        stream::CheckedFrames::parse(stream::Side::exit, stream::frames_of(*header, message));
    if (!frames) return self.counters.drop(DropReason::malformed);
    self.latest = std::max(self.latest, now);
    auto* entry = self.find(header->session);
    if (!entry) entry = self.begin(header->session, now);
    if (!entry) return self.counters.drop(DropReason::overflow);
    self.note_change(*entry);
    const Impl::Use session{self, *entry};
    session->receive(*header, message, *frames, now, wall, self.context());
}

void ExitSessions::tick(base::Mono now, base::Wall wall, std::vector<Reply>& out) {
    auto& self = *impl_;
    self.latest = std::max(self.latest, now);
    if (now >= self.next_sweep) self.end_silent(now);
    while (!self.due.empty() && self.due.first_due() <= now) {
        auto& entry = self.due.first();
        const Impl::Use session{self, entry};
        if (now - session->due() > self.limits.silence) {
            // Ticks from hours in which a suspended exit did not run do not count as missed.
            session->restart(now, self.context());
            continue;
        }
        const bool late = now - session->due() > lateness_max;
        auto reply = session->tick(now, wall, self.context());
        if (reply) {
            out.push_back(std::move(*reply));
            ++self.counters.replies;
        } else if (!self.frozen(entry)) {
            ++self.counters.ticks_missed;
            self.unanswered += !late && session->answered();
        }
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
              [](const auto* a, const auto* b) { return a->session.id() < b->session.id(); });
    for (auto* entry : impl_->changed) {
        entry->changed = false;
        entry->session.take_events(events);
    }
    impl_->changed.clear();
    return events;
}

void ExitSessions::accept(const StreamRef& stream) {
    auto* entry = impl_->find(stream.session);
    if (!entry) return;
    const Impl::Use session{*impl_, *entry};
    session->streams().accept(stream.stream);
}

std::size_t ExitSessions::write(const StreamRef& stream, base::ByteView bytes) {
    auto* entry = impl_->find(stream.session);
    if (!entry) return 0;
    const Impl::Use session{*impl_, *entry};
    return session->streams().write(stream.stream, bytes);
}

std::size_t ExitSessions::writable(const StreamRef& stream) const {
    const auto* entry = impl_->find(stream.session);
    return entry ? entry->session.streams().writable(stream.stream) : 0;
}

std::size_t ExitSessions::read(const StreamRef& stream, base::ByteSpan out) {
    auto* entry = impl_->find(stream.session);
    if (!entry) return 0;
    impl_->note_change(*entry);
    const Impl::Use session{*impl_, *entry};
    return session->streams().read(stream.stream, out);
}

void ExitSessions::finish(const StreamRef& stream) {
    auto* entry = impl_->find(stream.session);
    if (!entry) return;
    const Impl::Use session{*impl_, *entry};
    session->streams().finish(stream.stream);
}

void ExitSessions::stop(const StreamRef& stream, stream::ResetReason reason) {
    auto* entry = impl_->find(stream.session);
    if (!entry) return;
    const Impl::Use session{*impl_, *entry};
    session->streams().stop(stream.stream, reason);
}

void ExitSessions::reset(const StreamRef& stream, stream::ResetReason reason) {
    auto* entry = impl_->find(stream.session);
    if (!entry) return;
    impl_->note_change(*entry);
    const Impl::Use session{*impl_, *entry};
    session->streams().reset(stream.stream, reason);
}

std::optional<NameAnswer> ExitSessions::remembered(const base::SessionId& session,
                                                   std::string_view name, Family family,
                                                   base::Mono now) const {
    const auto* entry = impl_->find(session);
    return entry ? entry->session.names().find(name, family, now) : std::nullopt;
}

void ExitSessions::remember(const base::SessionId& session, std::string_view name, Family family,
                            const NameAnswer& answer, base::Mono now) {
    auto* entry = impl_->find(session);
    if (!entry) return;
    const Impl::Use use{*impl_, *entry};
    use->names().remember(name, family, answer, now);
}

void ExitSessions::remember_silence(const base::SessionId& session, std::string_view name,
                                    Family family, base::Mono now) {
    auto* entry = impl_->find(session);
    if (!entry) return;
    const Impl::Use use{*impl_, *entry};
    use->names().remember_silence(name, family, now);
}

void ExitSessions::forget_names() {
    for (auto& [id, entry] : impl_->sessions) {
        entry->session.names().clear();
        impl_->charge(*entry);
    }
}

std::optional<base::SessionId> ExitSessions::end_frozen(base::Mono now) {
    impl_->latest = std::max(impl_->latest, now);
    if (impl_->sessions.empty()) return std::nullopt;
    auto& longest = impl_->longest_silent();
    if (!impl_->frozen(longest)) return std::nullopt;
    const auto id = longest.session.id();
    impl_->end(longest, stream::ResetReason::session_ended);
    return id;
}

std::size_t ExitSessions::memory() const {
    return impl_->memory;
}
double ExitSessions::pace() const {
    return static_cast<double>(impl_->pace_milli) / 1000;
}

std::size_t ExitSessions::take_unanswered() {
    return std::exchange(impl_->unanswered, 0);
}

std::size_t ExitSessions::sessions() const {
    return impl_->sessions.size();
}

std::size_t ExitSessions::stock(const base::SessionId& session) const {
    const auto* found = impl_->find(session);
    return found ? found->session.stock() : 0;
}

}  // namespace nightjar::relay::core

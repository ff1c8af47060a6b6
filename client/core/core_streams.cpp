#include <algorithm>
#include <set>

#include "client/core/core_impl.hpp"

namespace nightjar::client::core {

std::optional<StreamRef> Core::Impl::open(const IsolationKey& isolation,
                                          const stream::Target& target) {
    if (!stream::valid_target(target)) return std::nullopt;
    start_waiting();  // those that came first have the places that have become free
    if (full()) return std::nullopt;
    const auto shared = shared_session();
    const auto key = identity.key_of(isolation, shared ? sessions.at(*shared).term : loops_handle);
    const auto handle = session_for(key);
    if (!handle) return std::nullopt;
    const auto ref = ++last_stream;
    auto& stream = streams[ref];
    if (!key.empty()) stream.key = keys.use(key, clock);
    if (start(ref, *handle, target)) return ref;
    stream.waits = true;
    waiting.push_back({ref, key, target});
    return ref;
}

/// Gives the stream a place in the session. False if there is none.
bool Core::Impl::start(StreamRef ref, SessionHandle handle, const stream::Target& target) {
    auto& live = sessions.at(handle);
    // Not health(): what it blames on a relay must not depend on streams.
    if (live.silence.dead(watch.time()) || live.session->forgotten()) return false;
    auto& mux = live.bundle->mux;
    const auto id = mux.open(target);
    if (!id) return false;
    live.bundle->streams[*id] = ref;
    auto& stream = streams.at(ref);
    stream.waits = false;
    stream.bundle = live.bundle;
    stream.id = *id;
    if (stream.sent_all) mux.finish(*id);
    if (stream.read_all) mux.stop(*id, stream::ResetReason::cancelled);
    return true;
}

bool Core::Impl::waits(StreamRef ref) const {
    const auto found = streams.find(ref);
    return found != streams.end() && found->second.waits;
}

/// Starts the streams that have found a place, in the order in which they came.
void Core::Impl::start_waiting() {
    const bool place = std::any_of(sessions.begin(), sessions.end(), [](const auto& entry) {
        return entry.second.bundle->mux.has_place();
    });
    if (waiting.empty() || !place) return;
    std::erase_if(waiting, [this](const Waiting& next) {
        const auto handle = session_for(next.key);
        if (!handle || !start(next.stream, *handle, next.target)) return false;
        report(next.stream, stream::Event::Kind::writable);
        return true;
    });
}

/// Converts events of streams into the client's. `spent`: the SURB of the reply that caused them.
void Core::Impl::collect(Bundle& bundle, const Expected* spent) {
    for (auto& event : bundle.mux.take_events()) {
        if (event.kind == stream::Event::Kind::pong) {
            on_pong(event.nonce, spent);
            continue;
        }
        const auto found = bundle.streams.find(event.stream);
        if (found == bundle.streams.end()) continue;
        const auto ref = found->second;
        const auto kind = event.kind;
        events.push_back({ref, std::move(event)});
        if (kind == stream::Event::Kind::reset) forget(ref);
        if (kind == stream::Event::Kind::stopped) streams.at(ref).sent_all = true;
        if (kind == stream::Event::Kind::finished) streams.at(ref).read_all = true;
        if (streams.contains(ref)) forget_if_over(ref);
    }
}

/// The answer may come in another session than the one that the ping left in.
void Core::Impl::on_pong(std::uint64_t nonce, const Expected* spent) {
    std::optional<Session::SentPing> sent;
    for (auto& [handle, live] : sessions)
        if (!sent) sent = live.session->take_sent_ping(nonce);
    if (!sent || spent == nullptr) return;
    PingResult result{.nonce = nonce,
                      .round_trip = clock - sent->left,
                      .there = std::move(sent->there),
                      .back = {}};
    result.back.assign(spent->route.begin(),
                       spent->route.begin() + static_cast<std::ptrdiff_t>(spent->hops));
    pings.push_back(std::move(result));
}

void Core::Impl::forget_if_over(StreamRef ref) {
    const auto& stream = streams.at(ref);
    if (stream.sent_all && stream.read_all) forget(ref);
}

void Core::Impl::forget(StreamRef ref) {
    const auto found = streams.find(ref);
    if (found == streams.end()) return;
    if (found->second.waits)
        std::erase_if(waiting, [ref](const Waiting& next) { return next.stream == ref; });
    if (found->second.bundle) found->second.bundle->streams.erase(found->second.id);
    streams.erase(found);
}

std::pair<stream::Mux*, stream::StreamId> Core::Impl::find(StreamRef ref) const {
    const auto found = streams.find(ref);
    if (found == streams.end() || !found->second.bundle) return {nullptr, 0};
    return {&found->second.bundle->mux, found->second.id};
}

CoreStatus Core::Impl::status(base::Mono now, std::size_t keys_most) const {
    CoreStatus status;
    status.connected = is_connected;
    status.slots = law.counts().main;
    status.slots_lost = law.counts().lost;
    status.loops_sent = law.counts().loops;
    status.loops_returned = loops_returned;
    status.loops_lost = loops_lost;
    status.replies = replies;
    status.deliveries_unknown = deliveries_unknown;
    status.isolated_max = plan.isolated_max();
    status.keys = keys.size();
    status.keys_sharing = keys.sharing();
    status.loops = watch.state(now);
    status.waiting = waiting.size();
    status.clock = {correction.synchronised(), correction.gateway_ahead(), correction.value()};
    status.first_pace = plan.first_change();
    status.identity = identity.number();
    std::set<const Bundle*> counted;  // streams that several sessions carry count once
    std::map<SessionHandle, std::size_t> places;
    for (const auto& entry : plan.entries()) {
        const auto& live = sessions.at(entry.handle);
        places.emplace(entry.handle, status.sessions.size());
        status.sessions.push_back(
            {.exit = live.session->exit(),
             .pace = entry.schedule.at(now).per_second(),
             .stock = live.session->stock(),
             .estimate = live.session->estimate(now),
             .target = live.session->target(entry.schedule, now),
             .streams = counted.insert(live.bundle.get()).second ? live.bundle->streams.size() : 0,
             .ready = live.session->answered(),
             .silent = live.silence.dead(watch.time()),
             .isolated = entry.isolated,
             .ending = entry.phase > Phase::main});
    }
    for (auto& known : keys.list(keys_most)) {
        const auto place = places.find(known.session);
        if (place == places.end()) continue;
        status.isolation.push_back(
            {std::move(known.key), place->second, known.owner, known.streams});
    }
    return status;
}

std::optional<StreamRef> Core::open(const IsolationKey& isolation, const stream::Target& target) {
    return impl_->open(isolation, target);
}

std::size_t Core::write(StreamRef stream, base::ByteView bytes) {
    const auto [mux, id] = impl_->find(stream);
    return mux == nullptr ? 0 : mux->write(id, bytes);
}

std::size_t Core::writable(StreamRef stream) const {
    const auto [mux, id] = impl_->find(stream);
    return mux == nullptr ? 0 : mux->writable(id);
}

std::size_t Core::read(StreamRef stream, base::ByteSpan out) {
    const auto found = impl_->streams.find(stream);
    if (found != impl_->streams.end() && !found->second.rest.empty())
        return impl_->read_rest(stream, found->second, out);
    const auto [mux, id] = impl_->find(stream);
    if (mux == nullptr) return 0;
    const auto taken = mux->read(id, out);
    // `finished` comes when all has been read, so this read may have triggered it.
    impl_->collect(*impl_->streams.at(stream).bundle, nullptr);
    return taken;
}

std::size_t Core::readable(StreamRef stream) const {
    const auto [mux, id] = impl_->find(stream);
    return mux == nullptr ? 0 : mux->readable(id);
}

void Core::finish(StreamRef stream) {
    if (impl_->waits(stream)) impl_->streams.at(stream).sent_all = true;
    const auto [mux, id] = impl_->find(stream);
    if (mux == nullptr) return;
    mux->finish(id);
    impl_->streams.at(stream).sent_all = true;
    impl_->forget_if_over(stream);
}

void Core::stop(StreamRef stream) {
    if (impl_->waits(stream)) impl_->streams.at(stream).read_all = true;
    const auto [mux, id] = impl_->find(stream);
    if (mux == nullptr) return;
    mux->stop(id, stream::ResetReason::cancelled);
    impl_->streams.at(stream).read_all = true;
    impl_->forget_if_over(stream);
}

void Core::reset(StreamRef stream) {
    const auto [mux, id] = impl_->find(stream);
    if (mux != nullptr) mux->reset(id, stream::ResetReason::cancelled);
    impl_->forget(stream);
}

bool Core::waits(StreamRef stream) const {
    return impl_->waits(stream);
}

bool Core::full() const {
    return impl_->full();
}

std::vector<CoreEvent> Core::take_events() {
    return std::exchange(impl_->events, {});
}

bool Core::new_identity() {
    return impl_->new_identity();
}

std::optional<std::uint64_t> Core::ping() {
    for (const auto& entry : impl_->plan.entries()) {
        auto& session = *impl_->sessions.at(entry.handle).session;
        if (!session.answered() || entry.phase == Phase::closing) continue;
        const auto nonce = impl_->random.u64();
        session.mux().ping(nonce);
        return nonce;
    }
    return std::nullopt;
}

std::vector<PingResult> Core::take_pings() {
    return std::exchange(impl_->pings, {});
}

std::size_t Core::keys_sharing() const {
    return impl_->keys.sharing();
}

bool Core::ready() const {
    return impl_->is_connected &&
           std::any_of(impl_->sessions.begin(), impl_->sessions.end(),
                       [](const auto& entry) { return entry.second.session->answered(); });
}

CoreStatus Core::status(base::Mono now, std::size_t keys_most) const {
    return impl_->status(now, keys_most);
}

}  // namespace nightjar::client::core

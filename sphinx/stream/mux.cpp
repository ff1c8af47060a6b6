#include "sphinx/stream/mux.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "sphinx/stream/mux_impl.hpp"

namespace nightjar::stream {

namespace {

constexpr std::size_t pings_max = 64;  // more are dropped, newest first: a ping may be lost
// The least buffer of a stream, however much the others hold, so that they cannot block it.
constexpr std::size_t send_share_min = 16 * 1024;
constexpr std::size_t settled_gap_size = 64;  // a node of a RangeSet

}  // namespace

bool valid_target(const Target& target) {
    return valid_host(base::as_bytes(target.host));
}

MuxLimits MuxLimits::for_rate(double packets_per_second, base::Seconds repair) {
    const auto wanted =
        static_cast<std::size_t>(packets_per_second * base::to_seconds(repair) * message_size);
    MuxLimits limits;
    limits.receive_window = std::clamp<std::size_t>(wanted, 64 * 1024, 8 * 1024 * 1024);
    limits.send_buffer = limits.receive_window;
    // A single stream gets a quarter of the bytes that are not reserved.
    limits.session_window = limits.streams_max * limits.initial_window + 4 * limits.receive_window;
    // A stream alone may use half of it, and its first WINDOW takes less than half of `repair`.
    limits.ahead = limits.receive_window;
    return limits;
}

Mux::Impl::Impl(Side side_of, MuxLimits limits_of) : side{side_of}, limits{limits_of} {
    assert(limits.receive_window >= limits.initial_window);
    assert(limits.session_window >= limits.streams_max * limits.initial_window);
    assert(limits.streams_max > 0 && 4 * limits.streams_max <= IdWindow::span);
}

StreamState* Mux::Impl::find(StreamId id) {
    const auto it = streams.find(id);
    return it == streams.end() ? nullptr : &it->second;
}

std::size_t Mux::Impl::room_for(const StreamState& stream) const {
    if (stream.mute()) return 0;
    const auto used = stream.send.buffered();
    const auto share = std::min(send_share_min, limits.send_buffer);
    const auto own = limits.send_buffer - std::min(limits.send_buffer, used);
    const auto all = limits.session_window - std::min(limits.session_window, buffered);
    return std::max(std::min(own, all), share - std::min(share, used));
}

void Mux::Impl::emit(StreamId id, Event::Kind kind) {
    Event event;
    event.stream = id;
    event.kind = kind;
    events.push_back(std::move(event));
}

/// Called when acknowledgements have freed room: the room that one stream frees may serve another.
void Mux::Impl::emit_writable() {
    const auto enough = std::min(send_share_min, limits.send_buffer) / 2;
    for (auto& [id, stream] : streams) {
        if (!stream.wants_room || room_for(stream) < std::max<std::size_t>(enough, 1)) continue;
        stream.wants_room = false;
        emit(id, Event::Kind::writable);
    }
}

void StreamState::settle_bytes(Range range) {
    if (range.begin > settled_end) return settled.add(range);
    settled_end = std::max(settled_end, range.end);
    while (!settled.empty() && settled.front().begin <= settled_end) {
        const auto joined = settled.front();
        settled_end = std::max(settled_end, joined.end);
        settled.remove(joined);
    }
}

std::uint64_t StreamState::granted() const {
    if (at_once) return receive.granted();
    const auto end = receive.window_end();
    const auto most = settled_final ? std::min(*settled_final, end) : end;
    return most - std::min(most, window_begin());
}

std::uint64_t Mux::Impl::extra(const StreamState& stream) const {
    const auto granted = stream.deaf() ? 0 : stream.granted();
    return granted - std::min<std::uint64_t>(granted, limits.initial_window);
}

std::uint64_t Mux::Impl::extra(StreamId id) const {
    const auto it = streams.find(id);
    return it == streams.end() ? 0 : extra(it->second);
}

std::uint64_t Mux::Impl::taken() const {
    std::uint64_t taken = limits.streams_max * limits.initial_window;
    for (const auto& [id, stream] : streams)
        taken += extra(stream);
    return taken;
}

/// Windows are computed when a packet is filled, from what is read and settled by then. So they do
/// not depend on when the application read, and in which order.
void Mux::Impl::extend_windows() {
    auto all = taken();
    for (auto& [id, stream] : streams) {
        const auto before = extra(stream);
        if (extend_window(stream, all - before)) all += extra(stream) - before;
    }
}

/// A client's streams without a WINDOW share `limits.ahead`: each may use half of what the others
/// leave, so that one that gets no WINDOW for long leaves room for others. What a stream has used
/// is free again when its WINDOW covers it, or when the exit has dropped it.
std::uint64_t Mux::Impl::ahead_of(const StreamState& stream, std::uint64_t all) const {
    if (side == Side::exit || stream.peer_stopped) return 0;
    if (stream.send.limit() > limits.initial_window) return 0;
    const auto others = all - stream.send.ahead();
    return (limits.ahead - std::min<std::uint64_t>(limits.ahead, others)) / 2;
}

std::uint64_t Mux::Impl::sent_ahead() const {
    std::uint64_t sum = 0;
    for (const auto& [id, stream] : streams)
        if (!stream.peer_stopped) sum += stream.send.ahead();
    return sum;
}

/// Takes in what a client sends ahead of its window. With it all windows are at most
/// session_window + ahead. An honest client stays below: windows are only extended within
/// session_window, and it sends at most `ahead` beyond them. Except after uploads that it aborted
/// to targets that do not read: it knows of no byte any more that waits here for such a target.
bool Mux::Impl::take_ahead(StreamState& stream, std::uint64_t end) {
    if (side == Side::client || end <= stream.receive.window_end()) return true;
    const auto more = end - stream.receive.window_end();
    if (!packet_taken) packet_taken = taken();
    if (more > limits.ahead) return true;  // the window stays, and is overrun
    if (*packet_taken + more > limits.session_window + limits.ahead) return false;
    stream.receive.open_window_to(end);
    return true;
}

/// The initial windows of all possible streams are reserved. A stream gets more from the rest of
/// the session window: a quarter of what the other streams leave (`taken` is what they have). So
/// the sum is never exceeded, a single stream has all that it needs, and unread streams always
/// leave some window for the others.
bool Mux::Impl::extend_window(StreamState& stream, std::uint64_t taken) {
    // An exit promises nothing before its connection stands.
    if (side == Side::exit && stream.hello == Delivery::none) return false;
    if (stream.deaf() || stream.window_suffices()) return false;
    const auto rest = limits.session_window - std::min<std::uint64_t>(limits.session_window, taken);
    const auto window =
        std::min<std::uint64_t>(limits.receive_window, limits.initial_window + rest / 4);
    const auto end = stream.window_begin() + window;
    // Extend in steps, so that few packets carry a WINDOW frame.
    if (end < stream.told + std::max<std::uint64_t>(window / 16, 1)) return false;
    stream.receive.open_window_to(end);
    stream.told = end;
    stream.window = Delivery::due;
    return true;
}

void Mux::Impl::kill(StreamState& stream, ResetReason reason) {
    assert(!stream.dead);
    stream.dead = true;
    stream.reason = reason;
    if (stream.known && (stream.finishing || stream.peer_stopped)) {
        if (stream.stop == Delivery::none) stream.stop = Delivery::due;
    } else {
        // The application was promised nothing before the exit accepts: withdraw the stream.
        if (!stream.known) drop_unsent(stream);
        stream.good = stream.known ? stream.send.end() : 0;
        stream.rst = Delivery::due;
    }
    deafen(stream);
}

void Mux::Impl::deafen(StreamState& stream) {
    stream.receive = ReceiveHalf{0};
    stream.settled.clear();
    stream.window = Delivery::none;
    stream.wants_room = stream.wants_room && !stream.mute();
}

void Mux::Impl::drop_unsent(StreamState& stream) {
    buffered -= stream.send.buffered();
    stream.send.clear();
    stream.wants_room = false;
}

/// A stream is over when both directions are, and the peer knows of our RESET or STOP.
void Mux::Impl::forget_if_done(StreamId id) {
    const auto it = streams.find(id);
    if (it == streams.end()) return;
    const auto& stream = it->second;
    const auto arrived = [](Delivery state) { return state == Delivery::done; };
    // A client withdraws an OPEN by its RESET; an exit's ACCEPT must precede its bytes.
    const bool hello =
        arrived(stream.hello) ||
        (stream.resetting() && (side == Side::client || stream.hello == Delivery::none));
    const bool sent =
        stream.peer_stopped || (hello && stream.send.all_acknowledged() &&
                                arrived(stream.resetting() ? stream.rst : stream.fin));
    const bool received =
        stream.deaf() || (stream.receive.finished() && stream.settled_all() && !stream.peer_reset);
    const bool told = !stream.deaf() || arrived(stream.resetting() ? stream.rst : stream.stop);
    const bool ended = stream.over && stream.peer_reset_settled && stream.settled_all();
    if (ended || (sent && received && told)) streams.erase(it);
}

Mux::Mux(Side side, MuxLimits limits) : impl_{std::make_unique<Impl>(side, limits)} {}
Mux::~Mux() = default;
Mux::Mux(Mux&&) noexcept = default;
Mux& Mux::operator=(Mux&&) noexcept = default;

bool Mux::has_place() const {
    const auto& streams = impl_->streams;
    // A stream that has ended stays until the exit knows it, some 4 s. It does not count, but their
    // number is bounded too: the exit keeps them as long.
    const auto alive = std::count_if(streams.begin(), streams.end(), [](const auto& entry) {
        const auto& stream = entry.second;
        return !stream.dead && !stream.over &&
               !(stream.finished_emitted && (stream.finishing || stream.told_stopped));
    });
    return static_cast<std::size_t>(alive) < impl_->limits.streams_max &&
           streams.size() < impl_->limits.streams_max * 3 / 2;
}

std::optional<StreamId> Mux::open(const Target& target) {
    assert(impl_->side == Side::client);
    auto& streams = impl_->streams;
    if (!valid_target(target) || !has_place()) return std::nullopt;
    // The exit refuses ids too far above the oldest one that it has not seen.
    for (const auto& [id, stream] : streams) {
        if (stream.hello == Delivery::done || stream.rst == Delivery::done) continue;
        if (impl_->last_id + 1 - id >= IdWindow::span) return std::nullopt;
        break;
    }
    const auto id = ++impl_->last_id;
    auto& stream =
        streams.try_emplace(id, Side::client, impl_->limits.initial_window).first->second;
    stream.target = target;
    stream.hello = Delivery::due;
    return id;
}

void Mux::accept(StreamId id) {
    assert(impl_->side == Side::exit);
    auto* stream = impl_->find(id);
    if (!stream || stream->dead || !stream->known || stream->hello != Delivery::none) return;
    stream->hello = Delivery::due;
}

std::size_t Mux::write(StreamId id, base::ByteView bytes) {
    auto* stream = impl_->find(id);
    if (!stream) return 0;
    const auto n = std::min(bytes.size(), impl_->room_for(*stream));
    stream->send.append(bytes.first(n));
    impl_->buffered += n;
    if (n < bytes.size()) stream->wants_room = !stream->mute();
    return n;
}

std::size_t Mux::writable(StreamId id) const {
    auto* stream = impl_->find(id);
    if (!stream) return 0;
    const auto room = impl_->room_for(*stream);
    if (room == 0) stream->wants_room = !stream->mute();
    return room;
}

std::size_t Mux::read(StreamId id, base::ByteSpan out) {
    auto* stream = impl_->find(id);
    if (!stream || stream->deaf() || stream->over) return 0;
    stream->readable_emitted = false;
    const auto n = stream->receive.read(out);
    if (stream->receive.finished()) impl_->announce_arrival(id, *stream);
    return n;
}

std::size_t Mux::readable(StreamId id) const {
    const auto* stream = impl_->find(id);
    return stream && !stream->deaf() && !stream->over ? stream->receive.readable() : 0;
}

void Mux::finish(StreamId id) {
    auto* stream = impl_->find(id);
    if (!stream || stream->mute()) return;
    stream->finishing = true;
    stream->wants_room = false;
    stream->fin = Delivery::due;
}

void Mux::stop(StreamId id, ResetReason reason) {
    auto* stream = impl_->find(id);
    if (!stream || stream->deaf() || stream->over) return;
    stream->reason = reason;
    stream->stop = Delivery::due;
    impl_->deafen(*stream);
}

void Mux::reset(StreamId id, ResetReason reason) {
    auto* stream = impl_->find(id);
    if (!stream || stream->dead || stream->over) return;
    impl_->kill(*stream, reason);
    impl_->forget_if_done(id);
    impl_->emit_writable();
}

void Mux::reset_unopened(ResetReason reason) {
    assert(impl_->side == Side::exit);
    for (auto& [id, stream] : impl_->streams)
        if (!stream.known && !stream.dead && std::exchange(stream.awaited, true))
            impl_->kill(stream, reason);
}

void Mux::reset_all(ResetReason reason) {
    for (auto& [id, stream] : impl_->streams) {
        if (stream.dead || stream.over) continue;
        impl_->kill(stream, reason);
        if (impl_->side == Side::exit && !stream.known) continue;
        impl_->emit(id, Event::Kind::reset);
        impl_->events.back().reason = reason;
    }
}

void Mux::ping(std::uint64_t nonce) {
    assert(impl_->side == Side::client);
    if (impl_->pings.size() < pings_max) impl_->pings.push_back(nonce);
}

std::vector<Event> Mux::take_events() {
    for (auto& [id, stream] : impl_->streams)
        stream.readable_emitted = false;
    return std::exchange(impl_->events, {});
}

bool Mux::unused() const {
    return impl_->last_id == 0 && impl_->used_ids.unused() && idle();
}

bool Mux::idle() const {
    return impl_->streams.empty() && !has_data();
}

std::size_t Mux::streams() const {
    return impl_->streams.size();
}

std::size_t Mux::memory() const {
    // Count the state of each stream too: a peer could open many streams without data.
    auto sum = impl_->streams.size() * sizeof(decltype(impl_->streams)::value_type);
    for (const auto& [id, stream] : impl_->streams)
        sum += stream.send.memory() + stream.receive.memory() +
               stream.settled.count() * settled_gap_size;
    return sum;
}

}  // namespace nightjar::stream

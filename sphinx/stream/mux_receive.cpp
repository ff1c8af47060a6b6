#include <algorithm>
#include <cassert>
#include <utility>

#include "sphinx/stream/mux_impl.hpp"

namespace nightjar::stream {

namespace {

constexpr std::size_t pongs_max = 64;
// More gaps between the settled bytes of a stream than an honest exit's losses leave. It bounds
// their memory.
constexpr std::size_t settled_gaps_max = 1024;

/// The peer broke a rule. It does not repeat that.
bool ends(const Effect& effect) {
    return effect.kind == Effect::Kind::kill || effect.kind == Effect::Kind::forget;
}

}  // namespace

void Mux::receive(const CheckedFrames& frames) {
    assert(frames.receiver() == impl_->side);
    impl_->apply_all(frames);
}

void Mux::receive(const CheckedFrames& frames, PacketName packet, bool counts) {
    std::vector<Effect> effects;
    impl_->later = &effects;
    receive(frames);
    impl_->later = nullptr;
    if (!counts) std::erase_if(effects, [](const Effect& effect) { return !ends(effect); });
    if (effects.empty()) return;
    auto& waiting = impl_->unsettled[packet];
    waiting.insert(waiting.end(), effects.begin(), effects.end());
}

bool Mux::holds_back(PacketName packet) const {
    return impl_->unsettled.contains(packet);
}

void Mux::settle(PacketName packet, bool counts) {
    const auto node = impl_->unsettled.extract(packet);
    if (node.empty()) return;
    for (const auto& effect : node.mapped()) {
        if (!counts && !ends(effect)) continue;
        impl_->perform(effect);
        impl_->forget_if_done(effect.stream);
    }
}

void Mux::Impl::cause(Effect effect) {
    if (later)
        later->push_back(effect);
    else
        perform(effect);
}

void Mux::Impl::perform(const Effect& effect) {
    auto* stream = find(effect.stream);
    if (!stream) return;
    switch (effect.kind) {
        case Effect::Kind::data:
            if (stream->deaf()) break;
            stream->settle_bytes(effect.range);
            if (stream->settled.count() > settled_gaps_max) violated(effect.stream, *stream);
            break;
        case Effect::Kind::fin:
            stream->settled_final = effect.range.begin;
            break;
        case Effect::Kind::window:
            stream->send.allow(effect.range.begin);
            break;
        case Effect::Kind::reset:
            stream->peer_reset_settled = true;
            stream->settled_final = effect.range.begin;
            [[fallthrough]];
        case Effect::Kind::stop:
            stream->peer_stopped = true;
            drop_unsent(*stream);
            break;
        case Effect::Kind::kill:
            if (!stream->dead) kill(*stream, effect.reason);
            break;
        case Effect::Kind::forget:
            drop_unsent(*stream);
            streams.erase(effect.stream);
            break;
    }
}

/// A frame changes what its own stream holds of the windows, and no other's.
void Mux::Impl::apply_all(const CheckedFrames& frames) {
    for (const auto& frame : frames) {
        const auto before = extra(frame.stream);
        apply(frame);
        if (packet_taken) *packet_taken += extra(frame.stream) - before;
    }
    packet_taken.reset();
}

void Mux::Impl::apply(const Frame& frame) {
    if (frame.type == FrameType::ping) {
        if (pings.size() < pongs_max) pings.push_back(frame.value);
        return;
    }
    if (frame.type == FrameType::pong) {
        emit(0, Event::Kind::pong);
        events.back().nonce = frame.value;
        return;
    }
    if (frame.type == FrameType::join || frame.type == FrameType::joined) return;  // the session's
    if (frame.type == FrameType::reset) return on_reset(frame.stream, frame);
    auto* stream = find_or_create(frame.stream);
    if (!stream) return;
    switch (frame.type) {
        case FrameType::open:
        case FrameType::resolve:
            on_open(frame.stream, *stream, frame);
            break;
        case FrameType::accept:
            if (stream->dead || stream->known) break;
            stream->known = true;
            emit(frame.stream, Event::Kind::accepted);
            break;
        case FrameType::data:
            on_data(frame.stream, *stream, frame);
            break;
        case FrameType::fin:
            on_fin(frame.stream, *stream, frame);
            break;
        case FrameType::window:
            cause({Effect::Kind::window, frame.stream, {frame.value, frame.value}});
            break;
        case FrameType::stop:
            on_stop(frame.stream, *stream, frame);
            break;
        case FrameType::end:
        case FrameType::ping:
        case FrameType::pong:
        case FrameType::reset:
        case FrameType::join:
        case FrameType::joined:
            break;
    }
    forget_if_done(frame.stream);
}

/// At the exit any frame may be the first of its stream, because packets arrive out of order.
/// Returns nullptr for ended streams, for ids that no client opened, and for more streams than an
/// honest client has.
StreamState* Mux::Impl::find_or_create(StreamId id) {
    if (auto* stream = find(id)) return stream;
    if (side == Side::client || streams.size() >= 4 * limits.streams_max) return nullptr;
    if (!used_ids.use(id)) return nullptr;
    return &streams.try_emplace(id, Side::exit, limits.initial_window).first->second;
}

void Mux::Impl::on_open(StreamId id, StreamState& stream, const Frame& frame) {
    if (stream.known) return;
    stream.known = true;
    if (stream.dead) return;
    const auto alive = std::count_if(streams.begin(), streams.end(),
                                     [](const auto& entry) { return !entry.second.dead; });
    if (static_cast<std::size_t>(alive) > 2 * limits.streams_max)
        return kill(stream, ResetReason::overload);
    emit(id, Event::Kind::opened);
    events.back().target = {std::string{base::as_text(frame.bytes)}, frame.port};
    if (stream.told_stopped) emit(id, Event::Kind::stopped);
    // Announce bytes that arrived before the OPEN: there was no event for them yet.
    announce_arrival(id, stream);
}

/// Emits `readable` and the end, each once. At the exit only after the OPEN has arrived.
void Mux::Impl::announce_arrival(StreamId id, StreamState& stream) {
    if (side == Side::exit && !stream.known) return;
    if (stream.receive.readable() > 0 && !stream.readable_emitted) {
        stream.readable_emitted = true;
        emit(id, Event::Kind::readable);
    }
    if (!stream.receive.finished()) return;
    if (stream.peer_reset) return end(id, *stream.peer_reset);
    if (!std::exchange(stream.finished_emitted, true)) emit(id, Event::Kind::finished);
    forget_if_done(id);
}

/// The peer broke a rule of this stream, or sent more than there is room for: reset the stream; the
/// others continue.
void Mux::Impl::violated(StreamId id, StreamState& stream, ResetReason reason) {
    if (stream.deaf() || stream.over) return;
    stream.over = true;
    const bool reported = side == Side::client || stream.known;
    const auto kind = stream.peer_reset ? Effect::Kind::forget : Effect::Kind::kill;
    cause({kind, id, {}, reason});  // the stream may be gone now
    if (reported) report_reset(id, reason);
}

void Mux::Impl::on_data(StreamId id, StreamState& stream, const Frame& frame) {
    if (stream.deaf()) return;
    const Effect effect{Effect::Kind::data, id, {frame.value, frame.value + frame.bytes.size()}};
    auto& half = stream.receive;
    if (!take_ahead(stream, effect.range.end)) return violated(id, stream, ResetReason::overload);
    // A copy of what the application has read settles it, if the first packet did not.
    if (stream.over && half.may_reach(effect.range.end)) return cause(effect);
    if (!half.may_reach(effect.range.end) || !half.insert(frame.value, frame.bytes))
        return violated(id, stream);
    if (!stream.at_once) cause(effect);
    announce_arrival(id, stream);
}

void Mux::Impl::on_fin(StreamId id, StreamState& stream, const Frame& frame) {
    if (stream.deaf()) return;
    if (!take_ahead(stream, frame.value)) return violated(id, stream, ResetReason::overload);
    if (stream.peer_reset || !stream.receive.finish(frame.value)) return violated(id, stream);
    cause({Effect::Kind::fin, id, {frame.value, frame.value}});
    announce_arrival(id, stream);
}

/// The peer knows that the stream is over. Only the fact that its id was used must be kept.
void Mux::Impl::on_reset(StreamId id, const Frame& frame) {
    const auto it = streams.find(id);
    if (it == streams.end()) {
        if (side == Side::exit) used_ids.use(id);
        return;
    }
    auto& stream = it->second;
    const Effect effect{Effect::Kind::reset, id, {frame.value, frame.value}};
    if (stream.peer_reset || stream.over) return cause(effect);
    if (side == Side::exit && !stream.known && !stream.dead) {
        drop_unsent(stream);
        streams.erase(it);
        return;
    }
    stream.told_stopped = true;
    if (stream.deaf()) {
        // Our RESET or STOP must still arrive: the peer may hold good bytes behind our window.
        if (!std::exchange(stream.dead, true)) report_reset(id, frame.reason);
        cause(effect);
        return forget_if_done(id);
    }
    if (!stream.receive.end_at(frame.value)) {
        // The peer may take back what it has said: it withdraws an OPEN.
        stream.over = true;
        cause({Effect::Kind::forget, id});
        return report_reset(id, frame.reason);
    }
    stream.peer_reset = frame.reason;
    cause(effect);
    if (stream.receive.finished()) return end(id, frame.reason);
    emit(id, Event::Kind::stopped);
    events.back().reason = frame.reason;
}

/// Both directions have ended, and nothing is left to read.
void Mux::Impl::end(StreamId id, ResetReason reason) {
    streams.at(id).over = true;
    report_reset(id, reason);
    forget_if_done(id);
}

void Mux::Impl::report_reset(StreamId id, ResetReason reason) {
    emit(id, Event::Kind::reset);
    events.back().reason = reason;
}

void Mux::Impl::on_stop(StreamId id, StreamState& stream, const Frame& frame) {
    cause({Effect::Kind::stop, id});
    if (std::exchange(stream.told_stopped, true) || stream.over) return;
    if (stream.dead || (side == Side::exit && !stream.known)) return;
    emit(id, Event::Kind::stopped);
    events.back().reason = frame.reason;
}

}  // namespace nightjar::stream

#include <algorithm>
#include <cassert>
#include <utility>

#include "sphinx/stream/mux_impl.hpp"

namespace nightjar::stream {

namespace {

// More packets than any allowed rate leaves unanswered; beyond this the oldest counts as lost.
constexpr std::size_t in_flight_max = 16'384;
// Shorter pieces of data are not worth a frame header, unless they are all the data there is.
constexpr std::size_t data_piece_min = 64;

constexpr auto all_room = static_cast<std::size_t>(-1);

void settle_control(Delivery& state, bool arrived) {
    if (state == Delivery::in_flight) state = arrived ? Delivery::done : Delivery::due;
}

}  // namespace

bool Mux::Impl::control_due(const StreamState& stream) const {
    return hello_due(stream) || stream.window == Delivery::due || fin_due(stream) ||
           stream.rst == Delivery::due || stream.stop == Delivery::due;
}

/// A client that has reset a stream asks for it no more. An exit's ACCEPT precedes its bytes.
bool Mux::Impl::hello_due(const StreamState& stream) const {
    return stream.hello == Delivery::due && !(side == Side::client && stream.resetting());
}

/// A FIN is sent after all bytes before it: an earlier FIN would only wait at the receiver.
bool Mux::Impl::fin_due(const StreamState& stream) const {
    return !stream.peer_stopped && stream.fin == Delivery::due && stream.send.all_sent();
}

bool Mux::has_data() const {
    const auto& self = *impl_;
    if (!self.pings.empty()) return true;
    const auto ahead = self.sent_ahead();
    return std::any_of(self.streams.begin(), self.streams.end(), [&](const auto& entry) {
        const auto& stream = entry.second;
        const auto data = stream.send.next(all_room, self.ahead_of(stream, ahead));
        return data.begin < data.end || self.control_due(stream);
    });
}

void Mux::Impl::fill_pings(base::Writer& writer, std::vector<std::uint64_t>* sent) {
    while (!pings.empty()) {
        Frame frame;
        frame.type = side == Side::client ? FrameType::ping : FrameType::pong;
        frame.value = pings.front();
        if (!write_frame(writer, frame)) return;
        if (sent) sent->push_back(pings.front());
        pings.pop_front();
    }
}

void Mux::Impl::fill_control(StreamId id, StreamState& stream, base::Writer& writer,
                             std::vector<SentFrame>& sent) {
    const auto put = [&](Delivery& state, Frame frame) {
        if (state != Delivery::due) return;
        frame.stream = id;
        if (!write_frame(writer, frame)) return;
        state = Delivery::in_flight;
        sent.push_back({frame.type, id, {frame.value, frame.value}});
    };
    Frame frame;
    if (hello_due(stream)) {
        const auto asks = stream.target.port == 0 ? FrameType::resolve : FrameType::open;
        frame.type = side == Side::client ? asks : FrameType::accept;
        frame.port = stream.target.port;
        frame.bytes = base::as_bytes(stream.target.host);
        put(stream.hello, frame);
    }
    frame = Frame{};
    frame.type = FrameType::reset;
    frame.reason = stream.reason;
    frame.value = stream.good;
    put(stream.rst, frame);
    frame.type = FrameType::stop;
    frame.value = 0;
    put(stream.stop, frame);
    frame = Frame{};
    frame.type = FrameType::window;
    frame.value = stream.told;
    put(stream.window, frame);
    if (!fin_due(stream)) return;
    frame.type = FrameType::fin;
    frame.value = stream.send.sent_end();
    put(stream.fin, frame);
}

std::vector<Mux::Impl::StreamEntry*> Mux::Impl::data_order() {
    std::vector<StreamEntry*> order;
    const auto ahead = sent_ahead();
    for (auto& entry : streams) {
        auto& stream = entry.second;
        const auto data = stream.send.next(all_room, ahead_of(stream, ahead));
        const bool waits = data.begin < data.end;
        turns.note(stream.turn, waits);
        if (waits) order.push_back(&entry);
    }
    std::ranges::stable_sort(order, [this](const auto* a, const auto* b) {
        return turns.first(a->second.turn, b->second.turn);
    });
    return order;
}

/// Fills `writer` with the stream's data. A packet rarely holds data of several streams, because
/// each further frame costs a header.
std::size_t Mux::Impl::fill_data(StreamId id, StreamState& stream, std::uint64_t ahead,
                                 base::Writer& writer, std::vector<SentFrame>& sent) {
    std::size_t written = 0;
    for (;;) {
        auto range = stream.send.next(writer.remaining(), ahead);
        Frame frame;
        frame.type = FrameType::data;
        frame.stream = id;
        frame.value = range.begin;
        const auto head =
            1 + varint_size(id) + varint_size(range.begin) + varint_size(writer.remaining());
        const auto wanted = static_cast<std::size_t>(range.end - range.begin);
        if (wanted == 0 || writer.remaining() < head + std::min(wanted, data_piece_min)) break;
        range.end = std::min(range.end, range.begin + (writer.remaining() - head));
        base::Bytes bytes(static_cast<std::size_t>(range.end - range.begin));
        stream.send.copy(range, bytes);
        frame.bytes = bytes;
        if (!write_frame(writer, frame)) break;
        stream.send.sent(range);
        sent.push_back({FrameType::data, id, range});
        written += bytes.size();
    }
    return written;
}

std::size_t Mux::fill(PacketName packet, base::ByteSpan room, std::vector<std::uint64_t>* pings) {
    auto& self = *impl_;
    assert(!self.in_flight.contains(packet));
    base::Writer writer{room};
    std::vector<SentFrame> sent;
    self.extend_windows();
    self.fill_pings(writer, pings);
    for (auto& [id, stream] : self.streams)
        if (self.control_due(stream)) self.fill_control(id, stream, writer, sent);
    auto ahead = self.sent_ahead();
    bool begins = true;
    for (auto* entry : self.data_order()) {
        auto& [id, stream] = *entry;
        const auto before = stream.send.ahead();
        const auto bytes = self.fill_data(id, stream, self.ahead_of(stream, ahead), writer, sent);
        ahead += stream.send.ahead() - before;
        if (bytes > 0) self.turns.sent(stream.turn, bytes, std::exchange(begins, false));
        if (self.fin_due(stream)) self.fill_control(id, stream, writer, sent);
        if (writer.remaining() == 0) break;
    }
    self.turns.packet_done();
    const auto used = writer.written();
    writer.zeros(writer.remaining());
    if (!sent.empty()) {
        if (self.in_flight.size() >= in_flight_max)
            self.settle(self.in_flight.begin()->first, false);
        self.in_flight.emplace(packet, std::move(sent));
    }
    return used;
}

void Mux::Impl::settle(PacketName packet, bool arrived) {
    const auto node = in_flight.extract(packet);
    if (node.empty()) return;
    for (const auto& frame : node.mapped())
        settle(frame, arrived);
    if (arrived) emit_writable();
}

void Mux::Impl::settle(const SentFrame& frame, bool arrived) {
    const auto value = frame.range.begin;
    auto* stream = find(frame.stream);
    if (!stream) return;
    switch (frame.type) {
        case FrameType::open:
        case FrameType::resolve:
        case FrameType::accept:
            settle_control(stream->hello, arrived);
            break;
        case FrameType::fin:
            settle_control(stream->fin, arrived);
            break;
        case FrameType::reset:
            settle_control(stream->rst, arrived);
            break;
        case FrameType::stop:
            settle_control(stream->stop, arrived);
            break;
        case FrameType::window:
            if (value == stream->told) settle_control(stream->window, arrived);
            break;
        case FrameType::data: {
            const auto before = stream->send.buffered();
            if (arrived) {
                stream->send.acknowledged(frame.range);
            } else {
                stream->send.lost(frame.range);
            }
            buffered -= before - stream->send.buffered();
            break;
        }
        case FrameType::end:
        case FrameType::ping:
        case FrameType::pong:
        case FrameType::join:
        case FrameType::joined:
            break;
    }
    forget_if_done(frame.stream);
}

void Mux::acknowledged(PacketName packet) {
    impl_->settle(packet, true);
}

void Mux::lost(PacketName packet) {
    impl_->settle(packet, false);
}

void Mux::carrier_ended(std::uint32_t carrier) {
    const auto for_its = [carrier](auto& packets, auto end) {
        for (auto at = packets.lower_bound({carrier, 0});
             at != packets.end() && at->first.carrier == carrier;)
            end(std::exchange(at, std::next(at))->first);
    };
    for_its(impl_->unsettled, [this](PacketName packet) { settle(packet, false); });
    for_its(impl_->in_flight, [this](PacketName packet) { lost(packet); });
}

std::vector<StreamId> Mux::opening_in(std::uint32_t carrier) const {
    std::vector<StreamId> opening;
    const auto& packets = impl_->in_flight;
    for (auto at = packets.lower_bound({carrier, 0}); at != packets.end(); ++at) {
        if (at->first.carrier != carrier) break;
        for (const auto& frame : at->second) {
            const bool opens = frame.type == FrameType::open || frame.type == FrameType::resolve;
            const auto* stream = opens ? impl_->find(frame.stream) : nullptr;
            if (stream != nullptr && !stream->known) opening.push_back(frame.stream);
        }
    }
    return opening;
}

}  // namespace nightjar::stream

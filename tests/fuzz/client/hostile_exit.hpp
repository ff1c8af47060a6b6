// The exits of a client, all in one attacker's hand, and packets in clear: which SURBs they hold,
// what each session has sent, and the replies that they make of it. One thread.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "client/core/core.hpp"
#include "sphinx/base/codec.hpp"
#include "sphinx/stream/packet_log.hpp"
#include "tests/fuzz/depth.hpp"
#include "tests/support/clear_sealer.hpp"
#include "tests/unit/client_network.hpp"

namespace nightjar::fuzz {

/// A payload whose last byte is not zero was changed on its way.
struct CheckingSealer final : test::ClearSealer {
    std::optional<base::Bytes> recover(const packet::SurbKeys& keys,
                                       base::ByteView payload) override {
        if (payload.back() != 0) return std::nullopt;
        return test::ClearSealer::recover(keys, payload);
    }
};

struct HostileSession {
    std::deque<base::SurbId> surbs;  // unspent, oldest first
    std::uint32_t incarnation = 1;
    stream::PacketNumber newest = 0;   // of the client
    stream::PacketNumber replies = 0;  // sent by us, the highest number
    std::set<stream::PacketNumber> sent;
    std::set<stream::PacketNumber> got;
    std::set<stream::StreamId> opened;
    bool asks_to_join = false;
    stream::ArrivedLog arrived;
};

class HostileExits {
 public:
    /// Takes a packet that the client has sent. It must keep every rule of the format, and
    /// acknowledge nothing that was never sent.
    void take(const cell::Cell& cell) {
        require(cell.kind() == cell::Kind::packet);
        const auto body = cell.body();
        if (body[0] != 1) return;  // a loop
        const auto message = body.subspan(packet::header_size, stream::message_size);
        base::SessionId id;
        std::copy_n(message.begin(), id.bytes.size(), id.bytes.begin());
        if (id.is_zero()) return;  // a filler
        const auto header = stream::decode_up(message);
        require(header.has_value());
        auto& session = sessions_[id];
        require(session.got.insert(header->number).second);
        session.newest = std::max(session.newest, header->number);
        session.arrived.arrived(header->number);
        for (std::size_t i = 0; i < header->surb_count; ++i) {
            const auto surb = stream::surb_of(*header, message, i);
            const auto identifier = *base::SurbId::from(surb.first(base::SurbId::size()));
            require(seen_.insert(identifier).second);
            session.surbs.push_back(identifier);
        }
        check(session, header->acks);
        acknowledges_ |= header->acks.largest != 0;
        const auto frames =
            stream::CheckedFrames::parse(stream::Side::exit, stream::frames_of(*header, message));
        require(frames.has_value());
        for (const auto& frame : *frames) {
            if (frame.type == stream::FrameType::open) session.opened.insert(frame.stream);
            if (frame.type == stream::FrameType::join) session.asks_to_join = true;
            if (frame.type == stream::FrameType::ping) pings_.push_back(frame.value);
        }
    }

    std::size_t count() const { return sessions_.size(); }
    /// Precondition: count() > 0.
    HostileSession& session(std::size_t number) {
        return std::next(sessions_.begin(), static_cast<std::ptrdiff_t>(number % sessions_.size()))
            ->second;
    }
    std::deque<std::uint64_t>& pings() { return pings_; }
    /// The client has acknowledged a reply.
    bool acknowledges() const { return acknowledges_; }

    /// The delivery that spends a SURB for a message.
    static cell::Cell delivery(const base::SurbId& surb, base::ByteView message, bool changed) {
        base::ByteArray<cell::body_size> body{};
        std::copy(surb.bytes.begin(), surb.bytes.end(), body.begin());
        std::copy(message.begin(), message.end(), body.begin() + base::SurbId::size());
        if (changed) body[base::SurbId::size() + packet::payload_size - 1] = 1;
        return cell::Cell::packet(body, 0);
    }

 private:
    static void check(const HostileSession& session, const stream::Acks& acks) {
        if (acks.largest == 0) return;
        require(session.sent.contains(acks.largest));
        for (stream::PacketNumber i = 0; i < stream::ack_window && i + 1 < acks.largest; ++i)
            require(!acks.below[i] || session.sent.contains(acks.largest - 1 - i));
    }

    std::map<base::SessionId, HostileSession> sessions_;
    std::set<base::SurbId> seen_;
    std::deque<std::uint64_t> pings_;
    bool acknowledges_ = false;
};

}  // namespace nightjar::fuzz

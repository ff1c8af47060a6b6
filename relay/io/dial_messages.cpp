#include "relay/io/dial_messages.hpp"

#include <cassert>
#include <iterator>

#include "sphinx/base/ip_codec.hpp"

namespace nightjar::relay::io {

namespace {

constexpr std::uint8_t connect = 1, give_up = 2;
constexpr std::uint8_t connected = 1, not_connected = 2;
constexpr auto last_error = DialError::given_up;

base::Bytes finished(base::Bytes message, const base::Writer& out) {
    assert(out.ok());
    // Not resize: g++ 14 takes it for one that may grow.
    message.erase(std::next(message.begin(), static_cast<std::ptrdiff_t>(out.written())),
                  message.end());
    return message;
}

/// The message, if nothing is left behind it.
template <class Message>
std::optional<Message> whole(const base::Reader& in, const Message& message) {
    if (!in.finished()) return std::nullopt;
    return message;
}

}  // namespace

base::Bytes to_bytes(const DialRequest& request) {
    base::Bytes message(dial_message_max);
    base::Writer out{message};
    if (const auto* its = std::get_if<Connect>(&request)) {
        out.u8(connect);
        out.u64(its->attempt);
        base::write_address(out, its->target.address);
        out.u16(its->target.port);
    } else {
        out.u8(give_up);
        out.u64(std::get<GiveUp>(request).attempt);
    }
    return finished(std::move(message), out);
}

base::Bytes to_bytes(const DialReply& reply) {
    base::Bytes message(dial_message_max);
    base::Writer out{message};
    if (const auto* its = std::get_if<NotConnected>(&reply)) {
        out.u8(not_connected);
        out.u64(its->attempt);
        out.u8(static_cast<std::uint8_t>(its->error));
    } else {
        out.u8(connected);
        out.u64(std::get<Connected>(reply).attempt);
    }
    return finished(std::move(message), out);
}

std::optional<DialRequest> parse_dial_request(base::ByteView message) {
    base::Reader in{message};
    const auto kind = in.u8();
    const auto attempt = in.u64();
    if (kind == give_up) return whole<DialRequest>(in, GiveUp{attempt});
    if (kind != connect) return std::nullopt;
    const auto address = base::read_address(in);
    if (!address) return std::nullopt;
    return whole<DialRequest>(in, Connect{attempt, {*address, in.u16()}});
}

std::optional<DialReply> parse_dial_reply(base::ByteView message) {
    base::Reader in{message};
    const auto kind = in.u8();
    const auto attempt = in.u64();
    if (kind == connected) return whole<DialReply>(in, Connected{attempt});
    if (kind != not_connected) return std::nullopt;
    const auto error = in.u8();
    if (error > static_cast<std::uint8_t>(last_error)) return std::nullopt;
    return whole<DialReply>(in, NotConnected{attempt, static_cast<DialError>(error)});
}

}  // namespace nightjar::relay::io

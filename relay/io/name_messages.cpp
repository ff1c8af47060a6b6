#include "relay/io/name_messages.hpp"

#include <cassert>
#include <limits>

#include "sphinx/base/host_name.hpp"
#include "sphinx/base/ip_codec.hpp"

namespace nightjar::relay::io {

namespace {

using core::Family;
using core::NameError;

constexpr std::uint8_t use_servers = 1, ask_addresses = 2, ask_name = 3, withdraw = 4;
constexpr std::uint8_t found_addresses = 1, found_name = 2, no_answer = 3;
constexpr auto last_error = NameError::no_descriptors;
// c-ares has signed TTLs, and RFC 2181 (section 8) takes what is above as zero.
constexpr std::uint32_t ttl_max = std::numeric_limits<std::int32_t>::max();

/// A message of its exact size.
template <class Write>
base::Bytes written(Write write) {
    base::Bytes message(name_message_max);
    base::Writer out{message};
    write(out);
    assert(out.ok());
    message.resize(out.written());
    return message;
}

struct WriteRequest {
    base::Writer& out;

    void operator()(const UseServers& request) const {
        out.u8(use_servers);
        out.u8(static_cast<std::uint8_t>(request.servers.size()));
        for (const auto& server : request.servers) {
            base::write_address(out, server.address);
            out.u16(server.port);
        }
    }
    void operator()(const AskAddresses& request) const {
        out.u8(ask_addresses);
        out.u64(request.query);
        out.u8(base::family_code(request.family == Family::v6));
        out.bytes(base::as_bytes(request.name));
    }
    void operator()(const AskName& request) const {
        out.u8(ask_name);
        out.u64(request.query);
        base::write_address(out, request.address);
    }
    void operator()(const Withdraw& request) const {
        out.u8(withdraw);
        out.u64(request.query);
    }
};

struct WriteReply {
    base::Writer& out;

    void operator()(const FoundAddresses& reply) const {
        out.u8(found_addresses);
        out.u64(reply.query);
        out.u32(static_cast<std::uint32_t>(reply.found.ttl.count()));
        out.u8(base::family_code(reply.family == Family::v6));
        out.u8(static_cast<std::uint8_t>(reply.found.addresses.size()));
        for (const auto& address : reply.found.addresses)
            base::write_address_bytes(out, address);
    }
    void operator()(const FoundName& reply) const {
        out.u8(found_name);
        out.u64(reply.query);
        out.bytes(base::as_bytes(reply.name));
    }
    void operator()(const NoAnswer& reply) const {
        out.u8(no_answer);
        out.u64(reply.query);
        out.u8(static_cast<std::uint8_t>(reply.error));
    }
};

std::optional<std::string> read_name(base::Reader& in) {
    std::string name{base::as_text(in.bytes(in.remaining()))};
    if (!base::is_host_name(name)) return std::nullopt;
    return name;
}

std::optional<NameRequest> read_servers(base::Reader& in) {
    const std::size_t count = in.u8();
    if (count == 0 || count > name_servers_max) return std::nullopt;
    UseServers request;
    for (std::size_t i = 0; i < count; ++i) {
        const auto address = base::read_address(in);
        if (!address) return std::nullopt;
        request.servers.push_back({*address, in.u16()});
    }
    return request;
}

std::optional<NameRequest> read_ask_addresses(base::Reader& in) {
    const auto query = in.u64();
    const auto is_v6 = base::read_family(in);
    auto name = read_name(in);
    if (!is_v6 || !name) return std::nullopt;
    return AskAddresses{query, *is_v6 ? Family::v6 : Family::v4, *std::move(name)};
}

std::optional<NameReply> read_found_addresses(base::Reader& in) {
    FoundAddresses reply;
    reply.query = in.u64();
    const auto ttl = in.u32();
    const auto is_v6 = base::read_family(in);
    const std::size_t count = in.u8();
    if (!is_v6 || ttl > ttl_max || count == 0 || count > found_addresses_max) return std::nullopt;
    if (in.remaining() != count * base::address_size(*is_v6)) return std::nullopt;
    reply.found.ttl = base::Seconds{ttl};
    reply.family = *is_v6 ? Family::v6 : Family::v4;
    for (std::size_t i = 0; i < count; ++i)
        reply.found.addresses.push_back(base::read_address_bytes(in, *is_v6));
    return reply;
}

/// The message that `read` has read from it, if nothing is left of it.
template <class Message>
std::optional<Message> whole(const base::Reader& in, std::optional<Message> message) {
    if (!in.finished()) return std::nullopt;
    return message;
}

}  // namespace

base::Bytes to_bytes(const NameRequest& request) {
    return written([&](base::Writer& out) { std::visit(WriteRequest{out}, request); });
}

base::Bytes to_bytes(const NameReply& reply) {
    return written([&](base::Writer& out) { std::visit(WriteReply{out}, reply); });
}

std::optional<NameRequest> parse_request(base::ByteView message) {
    base::Reader in{message};
    std::optional<NameRequest> request;
    switch (in.u8()) {
        case use_servers:
            request = read_servers(in);
            break;
        case ask_addresses:
            request = read_ask_addresses(in);
            break;
        case ask_name: {
            const auto query = in.u64();
            if (const auto address = base::read_address(in)) request = AskName{query, *address};
            break;
        }
        case withdraw:
            request = Withdraw{in.u64()};
            break;
        default:
            break;
    }
    return whole(in, std::move(request));
}

std::optional<NameReply> parse_reply(base::ByteView message) {
    base::Reader in{message};
    std::optional<NameReply> reply;
    switch (in.u8()) {
        case found_addresses:
            reply = read_found_addresses(in);
            break;
        case found_name: {
            const auto query = in.u64();
            if (auto name = read_name(in)) reply = FoundName{query, *std::move(name)};
            break;
        }
        case no_answer: {
            const auto query = in.u64();
            const auto error = in.u8();
            if (error <= static_cast<std::uint8_t>(last_error))
                reply = NoAnswer{query, static_cast<NameError>(error)};
            break;
        }
        default:
            break;
    }
    return whole(in, std::move(reply));
}

}  // namespace nightjar::relay::io

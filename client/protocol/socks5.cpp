#include "client/protocol/socks5.hpp"

#include <algorithm>
#include <cassert>

#include "client/protocol/destination.hpp"
#include "sphinx/base/address.hpp"
#include "sphinx/base/codec.hpp"

namespace nightjar::client::protocol::socks5 {

namespace {

constexpr std::uint8_t version = 5;
constexpr std::uint8_t credentials_version = 1;  // RFC 1929 has its own version number
constexpr std::uint8_t method_none = 0;
constexpr std::uint8_t method_password = 2;
constexpr std::uint8_t no_acceptable_method = 0xff;
constexpr std::uint8_t command_connect = 1, command_associate = 3;
constexpr std::uint8_t command_resolve = 0xf0, command_resolve_ptr = 0xf1;  // Tor's
constexpr std::uint8_t type_ipv4 = 1, type_name = 3, type_ipv6 = 4;

// The SOCKS4 rejection: version 0, code 91, six bytes that clients ignore.
constexpr std::string_view socks4_rejection{"\x00\x5b\x00\x00\x00\x00\x00\x00", 8};

/// Empty if the length does not match the type, or if the name is not a valid host name.
std::optional<Destination> read_destination(std::uint8_t type, base::ByteView address) {
    if (type == type_name) return destination_of(base::as_text(address));
    base::Reader reader{address};
    base::IpAddress ip;
    ip.v6 = type != type_ipv4;
    reader.into(base::ByteSpan{ip.bytes}.first(ip.v6 ? 16 : 4));
    if (!reader.finished()) return std::nullopt;
    return destination_of(ip);
}

/// What RFC 1928 has for a reply that only extended errors have.
Reply plain(Reply reply) {
    switch (reply) {
        case Reply::no_session:
        case Reply::session_ended:
            return Reply::general_failure;
        case Reply::refused_by_exit:
            return Reply::not_allowed;
        case Reply::unresolved:
            return Reply::host_unreachable;
        case Reply::succeeded:
        case Reply::general_failure:
        case Reply::not_allowed:
        case Reply::network_unreachable:
        case Reply::host_unreachable:
        case Reply::connection_refused:
        case Reply::ttl_expired:
        case Reply::command_not_supported:
        case Reply::address_type_not_supported:
        case Reply::overloaded:
            return reply;
    }
    return reply;
}

}  // namespace

Reply reply_for(stream::ResetReason reason) {
    using stream::ResetReason;
    switch (reason) {
        case ResetReason::refused_by_policy:
            return Reply::refused_by_exit;
        case ResetReason::unresolvable:
            return Reply::unresolved;
        case ResetReason::unreachable:
            return Reply::host_unreachable;
        case ResetReason::connection_refused:
            return Reply::connection_refused;
        case ResetReason::timed_out:
            return Reply::ttl_expired;
        case ResetReason::overload:
            return Reply::overloaded;
        case ResetReason::cancelled:
        case ResetReason::protocol_error:
        case ResetReason::session_ended:
            return Reply::session_ended;
    }
    return Reply::general_failure;
}

base::Bytes reply_bytes(Reply reply, bool extended) {
    return {version, static_cast<std::uint8_t>(extended ? reply : plain(reply)),
            0,       type_ipv4,
            0,       0,
            0,       0,
            0,       0};
}

base::Bytes answer_bytes(std::span<const stream::NameRecord> records, bool wants_name,
                         bool private_targets) {
    const std::string* name = nullptr;
    const base::IpAddress* best = nullptr;
    for (const auto& record : records) {
        const auto* address = std::get_if<base::IpAddress>(&record.value);
        if (address == nullptr) {
            if (name == nullptr) name = std::get_if<std::string>(&record.value);
        } else if (private_targets || base::is_public(*address)) {
            if (best == nullptr || (best->v6 && !address->v6)) best = address;
        }
    }
    base::Bytes bytes{version, static_cast<std::uint8_t>(Reply::succeeded), 0};
    if (wants_name && name != nullptr) {
        bytes.push_back(type_name);
        bytes.push_back(static_cast<std::uint8_t>(name->size()));
        bytes.insert(bytes.end(), name->begin(), name->end());
    } else if (!wants_name && best != nullptr) {
        bytes.push_back(best->v6 ? type_ipv6 : type_ipv4);
        bytes.insert(bytes.end(), best->bytes.begin(), best->bytes.begin() + best->bits() / 8);
    } else {
        return reply_bytes(Reply::host_unreachable);
    }
    bytes.insert(bytes.end(), {0, 0});  // the port
    return bytes;
}

std::optional<base::IpAddress> Handshake::own_answer() const {
    if (target_.port != 0 || wants_name_) return std::nullopt;
    return base::IpAddress::parse(target_.host);
}

std::size_t Handshake::feed(base::ByteView bytes) {
    std::size_t used = 0;
    while (state_ != State::asked && state_ != State::refused) {
        const std::size_t take = std::min(needed() - message_.size(), bytes.size() - used);
        message_.insert(message_.end(), bytes.begin() + static_cast<std::ptrdiff_t>(used),
                        bytes.begin() + static_cast<std::ptrdiff_t>(used + take));
        used += take;
        if (message_.size() < needed()) {
            if (used == bytes.size()) break;
        } else {
            message_complete();
        }
    }
    return used;
}

void Handshake::cut() {
    assert(state_ != State::asked && state_ != State::refused);
    if (state_ == State::greeting) send({version, method_none});
    if (state_ == State::credentials) send({credentials_version, 0});
    refuse(Reply::general_failure);
}

base::Bytes Handshake::take_output() {
    return std::exchange(output_, {});
}

/// The length that the current message must have, as far as its bytes so far show. It never
/// shrinks. It equals the message's size only when the message is complete or already invalid.
std::size_t Handshake::needed() const {
    const auto have = message_.size();
    if (have == 0) return 1;  // the first byte, the version, decides what follows
    if (state_ == State::greeting) {
        if (message_[0] != version) return have;
        return have < 2 ? 2 : 2u + message_[1];
    }
    if (expects_credentials()) {
        if (message_[0] != credentials_version) return have;
        if (have < 2) return 2;
        const std::size_t username_end = 2u + message_[1];
        return have <= username_end ? username_end + 1 : username_end + 1 + message_[username_end];
    }
    if (message_[0] != version) return have;
    if (have < 4) return 4;
    switch (message_[3]) {
        case type_ipv4:
            return 4 + 4 + 2;
        case type_ipv6:
            return 4 + 16 + 2;
        case type_name:
            return have < 5 ? 5 : 5u + message_[4] + 2;
        default:
            return have;  // unknown address type, so unknown length: the message ends here
    }
}

/// Credentials are also accepted after the method "no authentication": some clients send them
/// anyway.
bool Handshake::expects_credentials() const {
    return state_ == State::credentials ||
           (state_ == State::request && !authenticated_ && message_[0] == credentials_version);
}

void Handshake::message_complete() {
    switch (state_) {
        case State::greeting:
            on_greeting();
            break;
        case State::credentials:
            on_credentials();
            break;
        case State::request:
            expects_credentials() ? on_credentials() : on_request();
            break;
        case State::asked:
        case State::refused:
            assert(false);
    }
    message_.clear();
}

void Handshake::on_greeting() {
    const auto first = message_[0];
    if (first == 4) return refuse(socks4_rejection);
    if (first != version) return refuse("");
    const auto methods = base::ByteView{message_}.subspan(2);
    const auto offered = [methods](std::uint8_t method) {
        return std::find(methods.begin(), methods.end(), method) != methods.end();
    };
    // A client that offers credentials may use them as an isolation key, so we prefer that method.
    if (offered(method_password)) {
        send({version, method_password});
        state_ = State::credentials;
    } else if (offered(method_none)) {
        send({version, method_none});
        state_ = State::request;
    } else {
        send({version, no_acceptable_method});
        state_ = State::refused;
    }
}

void Handshake::on_credentials() {
    const bool refused =
        message_[0] != credentials_version ||
        is_reserved_user(base::as_text(base::ByteView{message_}.subspan(2, message_[1])));
    if (refused) {
        send({credentials_version, 1});
        state_ = State::refused;
        return;
    }
    // The whole message (lengths, user name, password) is an unambiguous key.
    credentials_ = base::as_text(message_);
    authenticated_ = true;
    send({credentials_version, 0});
    state_ = State::request;
}

void Handshake::on_request() {
    if (message_[0] != version) return refuse(Reply::general_failure);
    if (message_[2] != 0) return refuse(Reply::general_failure);
    const auto type = message_[3];
    if (type != type_ipv4 && type != type_name && type != type_ipv6) {
        return refuse(Reply::address_type_not_supported);
    }
    const auto command = message_[1];
    const bool looks_up = command == command_resolve || command == command_resolve_ptr;
    associates_ = command == command_associate;
    if (command != command_connect && !looks_up && !associates_)
        return refuse(Reply::command_not_supported);
    isolation_ = isolation_key(
        rules_, authenticated_ ? std::optional<std::string_view>{credentials_} : std::nullopt);
    base::Reader port_field{base::ByteView{message_}.last(2)};
    const auto port = port_field.u16();
    if (associates_) {
        association_port_ = port;
        state_ = State::asked;
        return;
    }

    const std::size_t start = type == type_name ? 5 : 4;
    const auto address = base::ByteView{message_}.subspan(start, message_.size() - start - 2);
    const auto destination = read_destination(type, address);
    if (!destination || (port == 0 && !looks_up)) return refuse(Reply::general_failure);
    wants_name_ = command == command_resolve_ptr;
    if (wants_name_ && !base::parse_literal(destination->host))
        return refuse(Reply::general_failure);
    if (!destination->is_public && !rules_.private_targets) return refuse(Reply::not_allowed);

    target_ = {destination->host, looks_up ? std::uint16_t{0} : port};
    state_ = State::asked;
}

void Handshake::send(std::initializer_list<std::uint8_t> bytes) {
    output_.insert(output_.end(), bytes);
}

void Handshake::refuse(std::string_view send_refusal) {
    const auto bytes = base::as_bytes(send_refusal);
    output_.insert(output_.end(), bytes.begin(), bytes.end());
    state_ = State::refused;
}

void Handshake::refuse(Reply reply) {
    refuse(base::as_text(reply_bytes(reply)));
}

}  // namespace nightjar::client::protocol::socks5

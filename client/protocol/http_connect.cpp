#include "client/protocol/http_connect.hpp"

#include <sodium.h>

#include <algorithm>
#include <cassert>

#include "client/protocol/destination.hpp"
#include "sphinx/base/page_field.hpp"

namespace nightjar::client::protocol::http {

using socks5::Reply;

namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::string_view bad_request = "400 Bad Request";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// `b` must be in lower case.
bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower);
}

/// RFC 9110, section 5.6.2.
bool is_token(std::string_view text) {
    const auto allowed = [](char c) {
        return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, allowed);
}

/// No control character but the tab. Bytes above 127 are allowed and mean nothing (section 5.5).
bool is_field_value(std::string_view text) {
    return std::ranges::none_of(text, [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 127;
    });
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Removes the first line, without its end, from `rest`. A line ends with CR and LF, never with one
/// of them: two programs that read a head differently can be played off against each other.
std::string_view next_line(std::string_view& rest) {
    const auto line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    return line;
}

base::Bytes status_bytes(std::string_view status, std::string_view more = "") {
    const auto text = "HTTP/1.1 " + std::string{status} + "\r\n" + std::string{more} +
                      "Content-Length: 0\r\nConnection: close\r\n\r\n";
    const auto bytes = base::as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

struct Status {
    std::string_view line;
    std::string_view error;  // of RFC 9209, section 2.3
};

Status status_of(Reply reply) {
    switch (reply) {
        case Reply::not_allowed:
        case Reply::refused_by_exit:
            return {"403 Forbidden", "destination_ip_prohibited"};
        case Reply::unresolved:
            return {"502 Bad Gateway", "dns_error"};
        case Reply::network_unreachable:
        case Reply::host_unreachable:
            return {"502 Bad Gateway", "destination_ip_unroutable"};
        case Reply::connection_refused:
            return {"502 Bad Gateway", "connection_refused"};
        case Reply::session_ended:
            return {"502 Bad Gateway", "connection_terminated"};
        case Reply::no_session:
            return {"503 Service Unavailable", "destination_unavailable"};
        case Reply::overloaded:
            return {"503 Service Unavailable", "connection_limit_reached"};
        case Reply::ttl_expired:
            return {"504 Gateway Timeout", "connection_timeout"};
        case Reply::succeeded:
        case Reply::general_failure:
        case Reply::command_not_supported:
        case Reply::address_type_not_supported:
            return {"502 Bad Gateway", "proxy_internal_error"};
    }
    return {"502 Bad Gateway", "proxy_internal_error"};
}

/// The text behind "Basic ", decoded: user and password. Empty if it is malformed, or if a part has
/// more than 255 bytes, which SOCKS5 could not say.
std::optional<std::string> basic_credentials(std::string_view text) {
    base::Bytes decoded(text.size());
    std::size_t size = 0;
    if (sodium_base642bin(decoded.data(), decoded.size(), text.data(), text.size(), nullptr, &size,
                          nullptr, sodium_base64_VARIANT_ORIGINAL) != 0)
        return std::nullopt;
    const auto both = base::as_text(base::ByteView{decoded}.first(size));
    const auto colon = both.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto user = both.substr(0, colon), password = both.substr(colon + 1);
    if (user.size() > 255 || password.size() > 255 || is_reserved_user(user)) return std::nullopt;
    return credentials_text(user, password);
}

}  // namespace

struct Handshake::Fields {
    std::optional<std::string> authorization, isolation;
};

base::Bytes reply_bytes(Reply reply) {
    if (reply == Reply::succeeded) {
        const auto bytes = base::as_bytes("HTTP/1.1 200 Connected\r\n\r\n");
        return {bytes.begin(), bytes.end()};
    }
    const auto status = status_of(reply);
    return status_bytes(status.line,
                        "Proxy-Status: nightjar; error=" + std::string{status.error} + "\r\n");
}

std::size_t Handshake::feed(base::ByteView bytes) {
    std::size_t used = 0;
    while (state_ == State::head && used < bytes.size()) {
        head_ += static_cast<char>(bytes[used++]);
        if (head_.ends_with(head_end)) {
            head_complete();
        } else if (head_.size() == head_max) {
            refuse_silently();
        }
    }
    return used;
}

void Handshake::cut() {
    assert(state_ == State::head);
    if (head_.starts_with("CONNECT ")) return refuse(Reply::overloaded);
    refuse_silently();
}

base::Bytes Handshake::take_output() {
    return std::exchange(output_, {});
}

void Handshake::head_complete() {
    auto rest = std::string_view{head_}.substr(0, head_.size() - 2);
    const auto line = next_line(rest);
    const auto method = line.substr(0, line.find(' '));
    const auto behind = line.substr(std::min(line.size(), method.size() + 1));
    const auto target = behind.substr(0, behind.find(' '));
    const auto version = behind.substr(std::min(behind.size(), target.size() + 1));
    const bool connects = method == "CONNECT";
    // Only a program that takes us for its proxy names a whole URL.
    if (!connects && !target.starts_with("http://")) return refuse_silently();
    const auto fields = read_fields(rest);
    if (state_ == State::refused) return;
    if (!connects) return refuse("501 Not Implemented");  // only tunnels: it must ask by CONNECT
    if (!fields || (version != "HTTP/1.1" && version != "HTTP/1.0") || !read_target(target))
        return refuse(bad_request);
    isolate(*fields);
    if (state_ == State::refused) return;
    const auto destination = destination_of(std::string_view{target_.host});
    if (!destination->is_public && !rules_.private_targets) return refuse(Reply::not_allowed);
    target_.host = destination->host;
    state_ = State::asked;
}

/// Empty if a field is malformed, or if one that counts is there twice.
std::optional<Handshake::Fields> Handshake::read_fields(std::string_view lines) {
    Fields fields;
    bool well = true;
    const auto take = [&well](std::optional<std::string>& into, std::string_view value) {
        well = well && !into;
        into = value;
    };
    while (!lines.empty()) {
        const auto line = next_line(lines);
        const auto name = line.substr(0, line.find(':'));
        if (base::is_page_field(name)) refuse_silently();
        const auto value = trimmed(line.substr(std::min(line.size(), name.size() + 1)));
        well = well && name.size() < line.size() && is_token(name) && is_field_value(value);
        if (equal_ignoring_case(name, "proxy-authorization")) take(fields.authorization, value);
        if (equal_ignoring_case(name, "x-tor-stream-isolation") ||
            equal_ignoring_case(name, "tor-stream-isolation"))
            take(fields.isolation, value);
        // The bytes behind the head go to the target, so the request can have no content.
        if (equal_ignoring_case(name, "transfer-encoding")) well = false;
        if (equal_ignoring_case(name, "content-length") && value != "0") well = false;
    }
    return well ? std::optional{fields} : std::nullopt;
}

/// Takes `HOST:PORT`, where HOST may be an IPv6 address in brackets.
bool Handshake::read_target(std::string_view authority) {
    const auto colon = authority.rfind(':');
    if (colon == std::string_view::npos) return false;
    auto host = authority.substr(0, colon);
    const auto digits = authority.substr(colon + 1);
    const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (brackets) host = host.substr(1, host.size() - 2);
    const auto address = base::IpAddress::parse(host);
    if (brackets != (address && address->v6) || !destination_of(host)) return false;
    unsigned port = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9' || port > 65535) return false;
        port = 10 * port + static_cast<unsigned>(c - '0');
    }
    if (port == 0 || port > 65535) return false;
    target_ = {std::string{host}, static_cast<std::uint16_t>(port)};
    return true;
}

/// Basic credentials give the key that the same credentials have over SOCKS5.
void Handshake::isolate(const Fields& fields) {
    std::optional<std::string> credentials;
    if (fields.authorization) {
        constexpr std::string_view basic = "basic ";
        const auto& all = *fields.authorization;
        if (equal_ignoring_case(std::string_view{all}.substr(0, basic.size()), basic)) {
            credentials = basic_credentials(trimmed(std::string_view{all}.substr(basic.size())));
            if (!credentials) return refuse(bad_request);
        } else {
            credentials = "authorization " + all;
        }
    }
    // A NUL is in no field, so neither part can be taken for the other.
    if (fields.isolation)
        credentials = credentials.value_or(std::string{no_credentials}).append(isolation_field) +
                      *fields.isolation;
    isolation_ = isolation_key(rules_, credentials);
}

void Handshake::refuse(std::string_view status_line) {
    output_ = status_bytes(status_line);
    state_ = State::refused;
}

void Handshake::refuse(Reply reply) {
    output_ = http::reply_bytes(reply);
    state_ = State::refused;
}

}  // namespace nightjar::client::protocol::http

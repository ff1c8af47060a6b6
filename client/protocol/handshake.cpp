#include "client/protocol/handshake.hpp"

namespace nightjar::client::protocol {

std::size_t Handshake::feed(base::ByteView bytes) {
    if (bytes.empty() || silent()) return 0;
    if (std::holds_alternative<std::monostate>(spoken_)) {
        if (bytes[0] >= 'A' && bytes[0] <= 'Z')
            spoken_.emplace<http::Handshake>(rules_);
        else
            spoken_.emplace<socks5::Handshake>(rules_);
    }
    if (auto* http = std::get_if<http::Handshake>(&spoken_)) return http->feed(bytes);
    return std::get<socks5::Handshake>(spoken_).feed(bytes);
}

void Handshake::cut() {
    if (auto* http = std::get_if<http::Handshake>(&spoken_)) return http->cut();
    if (std::holds_alternative<std::monostate>(spoken_)) spoken_.emplace<socks5::Handshake>(rules_);
    std::get<socks5::Handshake>(spoken_).cut();
}

base::Bytes Handshake::take_output() {
    if (auto* http = std::get_if<http::Handshake>(&spoken_)) return http->take_output();
    if (auto* socks = std::get_if<socks5::Handshake>(&spoken_)) return socks->take_output();
    return {};
}

Handshake::State Handshake::state() const {
    const auto of = [](const auto& spoken) {
        using Spoken = std::decay_t<decltype(spoken)>;
        if constexpr (std::is_same_v<Spoken, Silent>) {
            return State::asked;
        } else if constexpr (!std::is_same_v<Spoken, std::monostate>) {
            if (spoken.state() == Spoken::State::asked) return State::asked;
            if (spoken.state() == Spoken::State::refused) return State::refused;
        }
        return State::reading;
    };
    return std::visit(of, spoken_);
}

const stream::Target& Handshake::target() const {
    if (const auto* http = std::get_if<http::Handshake>(&spoken_)) return http->target();
    if (const auto* silent = std::get_if<Silent>(&spoken_)) return silent->target;
    return std::get<socks5::Handshake>(spoken_).target();
}

bool Handshake::wants_name() const {
    const auto* socks = std::get_if<socks5::Handshake>(&spoken_);
    return socks != nullptr && socks->wants_name();
}

bool Handshake::associates() const {
    const auto* socks = std::get_if<socks5::Handshake>(&spoken_);
    return socks != nullptr && socks->associates();
}

std::uint16_t Handshake::association_port() const {
    const auto* socks = std::get_if<socks5::Handshake>(&spoken_);
    return socks == nullptr ? std::uint16_t{0} : socks->association_port();
}

std::optional<base::IpAddress> Handshake::own_answer() const {
    const auto* socks = std::get_if<socks5::Handshake>(&spoken_);
    return socks == nullptr ? std::nullopt : socks->own_answer();
}

const core::IsolationKey& Handshake::isolation() const {
    if (const auto* http = std::get_if<http::Handshake>(&spoken_)) return http->isolation();
    if (const auto* silent = std::get_if<Silent>(&spoken_)) return silent->isolation;
    return std::get<socks5::Handshake>(spoken_).isolation();
}

base::Bytes Handshake::reply_bytes(socks5::Reply reply) const {
    if (silent()) return {};
    if (std::holds_alternative<http::Handshake>(spoken_)) return http::reply_bytes(reply);
    return socks5::reply_bytes(reply, rules_.extended_errors);
}

}  // namespace nightjar::client::protocol

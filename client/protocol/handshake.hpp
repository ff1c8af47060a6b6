// What an application asks for, whichever way it came in. On the proxy port its first byte decides
// between SOCKS5 and HTTP CONNECT: a letter begins an HTTP method. On the transparent port it says
// nothing: the kernel knows where it wanted to go. Pure.
#pragma once

#include <variant>

#include "client/protocol/http_connect.hpp"
#include "client/protocol/socks5.hpp"

namespace nightjar::client::protocol {

class Handshake {
 public:
    enum class State { reading, asked, refused };  // as in the two protocols

    explicit Handshake(Rules rules) : rules_{std::move(rules)} {}

    /// An application whose target is known without a word: `asked` from the beginning.
    Handshake(Rules rules, stream::Target target)
        : rules_{std::move(rules)},
          spoken_{Silent{std::move(target), isolation_key(rules_, std::nullopt)}} {}

    std::size_t feed(base::ByteView bytes);
    void cut();
    base::Bytes take_output();

    State state() const;
    /// Precondition of these six: state() == asked. See socks5::Handshake.
    const stream::Target& target() const;
    bool wants_name() const;
    bool associates() const;
    std::uint16_t association_port() const;
    std::optional<base::IpAddress> own_answer() const;
    const core::IsolationKey& isolation() const;

    /// The application speaks none of the protocols. Only a reset can show it a failure.
    bool silent() const { return std::holds_alternative<Silent>(spoken_); }
    /// The bytes that tell the application what became of its request.
    base::Bytes reply_bytes(socks5::Reply reply) const;

 private:
    struct Silent {
        stream::Target target;
        core::IsolationKey isolation;
    };

    Rules rules_;
    std::variant<std::monostate, socks5::Handshake, http::Handshake, Silent> spoken_;
};

}  // namespace nightjar::client::protocol

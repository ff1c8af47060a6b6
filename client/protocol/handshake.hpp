// The first bytes of an application on the proxy port, whichever protocol it speaks: SOCKS5 or HTTP
// CONNECT. The first byte decides: a letter begins an HTTP method. Pure.
#pragma once

#include <variant>

#include "client/protocol/http_connect.hpp"
#include "client/protocol/socks5.hpp"

namespace nightjar::client::protocol {

class Handshake {
 public:
    enum class State { reading, asked, refused };  // as in the two protocols

    explicit Handshake(Rules rules) : rules_{std::move(rules)} {}

    std::size_t feed(base::ByteView bytes);
    void cut();
    base::Bytes take_output();

    State state() const;
    /// Precondition of these four: state() == asked. See socks5::Handshake.
    const stream::Target& target() const;
    bool wants_name() const;
    std::optional<base::IpAddress> own_answer() const;
    const core::IsolationKey& isolation() const;

    /// The bytes that tell the application what became of its request.
    base::Bytes reply_bytes(socks5::Reply reply) const;

 private:
    Rules rules_;
    std::variant<std::monostate, socks5::Handshake, http::Handshake> spoken_;
};

}  // namespace nightjar::client::protocol

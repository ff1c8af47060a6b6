// The server side of HTTP CONNECT (RFC 9110, section 9.3.6) as a state machine: bytes in, bytes and
// one target out. No socket, no clock: client/apps moves the bytes and enforces the deadlines
// (docs/client.md).
//
//   [head] --- a valid CONNECT ---> [asked]
//      \------ anything else -----> [refused], with a status line only for a program that uses us
//                                   as its proxy
//
// A web page can make a browser send requests to this port. Such a request is never a CONNECT, its
// target is a path, or it carries fields that only pages cause. It gets no answer at all, so the
// page cannot learn what listens here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/protocol/isolation_rules.hpp"
#include "client/protocol/socks5.hpp"
#include "sphinx/base/bytes.hpp"
#include "sphinx/stream/mux.hpp"

namespace nightjar::client::protocol::http {

/// The most bytes of a request's head, its empty line included.
inline constexpr std::size_t head_max = 8192;

/// One application's request.
class Handshake {
 public:
    enum class State {
        head,     // waits for the empty line
        asked,    // target() and isolation() are valid; the caller sends reply_bytes()
        refused,  // the output is the refusal, or empty: send it and close
    };

    explicit Handshake(Rules rules) : rules_{std::move(rules)} {}

    /// Consumes the head and returns how many bytes that was. In `asked` and `refused` it consumes
    /// nothing: bytes after the head belong to the stream.
    std::size_t feed(base::ByteView bytes);
    /// Refuses the request although it has not arrived. Precondition: neither asked nor refused.
    void cut();
    /// Returns the bytes to send now and clears them.
    base::Bytes take_output();

    State state() const { return state_; }
    /// Precondition of both: state() == asked.
    const stream::Target& target() const { return target_; }
    const core::IsolationKey& isolation() const { return isolation_; }

 private:
    struct Fields;
    void head_complete();
    std::optional<Fields> read_fields(std::string_view lines);
    bool read_target(std::string_view authority);
    void isolate(const Fields& fields);
    void refuse(std::string_view status_line);
    void refuse(socks5::Reply reply);
    void refuse_silently() { state_ = State::refused; }

    Rules rules_;
    State state_ = State::head;
    std::string head_;
    base::Bytes output_;
    stream::Target target_;
    core::IsolationKey isolation_;
};

/// The response for an outcome. A refusal has a status of RFC 9110 and the field Proxy-Status of
/// RFC 9209, which says why.
base::Bytes reply_bytes(socks5::Reply reply);

}  // namespace nightjar::client::protocol::http

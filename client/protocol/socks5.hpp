// The server side of a SOCKS5 handshake (RFC 1928, RFC 1929) as a state machine: bytes in, bytes
// and one target out. It takes CONNECT, UDP ASSOCIATE (for DNS:
// socks5_udp.hpp), and Tor's RESOLVE and RESOLVE_PTR. No socket, no clock:
// client/apps/proxy moves the bytes and enforces the deadlines (docs/client.md).
//
//                      methods include 2         sub-negotiation
//   [greeting] ----------------------> [credentials] ------> [request] --> [asked]
//        | \------- methods include 0, not 2 -------------------^  |
//        |                         credentials after method "none" +--> back to [request]
//        +---- not SOCKS5, or no usable method ----> [refused] <---- malformed or unsupported
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "client/protocol/isolation_rules.hpp"
#include "sphinx/base/bytes.hpp"
#include "sphinx/stream/mux.hpp"
#include "sphinx/stream/name_records.hpp"

namespace nightjar::client::protocol::socks5 {

/// RFC 1928's REP field.
enum class Reply : std::uint8_t {
    succeeded = 0,
    general_failure = 1,             // malformed request, cut handshake, or no session
    not_allowed = 2,                 // a private address, or refused by the exit's policy
    network_unreachable = 3,         // never sent: only the exit could distinguish it from 4
    host_unreachable = 4,            // the exit could not resolve or reach the target
    connection_refused = 5,          // by the target
    ttl_expired = 6,                 // no answer in time
    command_not_supported = 7,       // BIND, unknown; UDP ASSOCIATE on a unix socket
    address_type_not_supported = 8,  // neither 1, 3 nor 4
    overloaded = 0xe6,               // our own code: a bound of the client or the exit is reached

    // Extended errors, for a listener that asks for them. In brackets what others get instead.
    no_session = 0xe0,       // [1] the client has no session to an exit yet
    refused_by_exit = 0xe1,  // [2] by its policy
    session_ended = 0xe2,    // [1] the exit or its session ended before it answered
    unresolved = 0xe3,       // [4] the exit found no address for the name
};

/// The reply to an application whose stream was reset before the exit accepted it.
Reply reply_for(stream::ResetReason reason);
/// The reply to RESOLVE and RESOLVE_PTR: the first IPv4 address, else the first other one; or the
/// first name. Records of the other kind are left out, and so are addresses that are not public
/// unless `private_targets`. host_unreachable if nothing is left.
base::Bytes answer_bytes(std::span<const stream::NameRecord> records, bool wants_name,
                         bool private_targets);
/// Ten bytes. The bound address is always 0.0.0.0:0, because the application must not learn the
/// exit's. Without `extended` the reply is one of RFC 1928 or `overloaded`.
base::Bytes reply_bytes(Reply reply, bool extended = false);

/// One application's handshake. It buffers at most one message (513 bytes).
class Handshake {
 public:
    enum class State {
        greeting,     // waits for version and methods
        credentials,  // waits for username and password
        request,      // waits for the command
        asked,        // target() and isolation() are valid; the caller sends reply_bytes()
        refused,      // the output is the refusal, or empty: send it and close
    };

    explicit Handshake(Rules rules) : rules_{std::move(rules)} {}

    /// Consumes what the handshake needs and returns how many bytes that was. In `asked` and
    /// `refused` it consumes nothing: bytes after the request belong to the stream.
    std::size_t feed(base::ByteView bytes);
    /// Refuses whatever comes next with a general failure. The output completes the steps before
    /// the reply, so that the application reads it as the reply to the request that it is about to
    /// send. Precondition: neither asked nor refused.
    void cut();
    /// Returns the bytes to send now and clears them.
    base::Bytes take_output();

    State state() const { return state_; }
    /// Precondition of these six: state() == asked. A target of port 0 asks for a lookup: the
    /// addresses of a name, or if wants_name() the name of a literal address.
    const stream::Target& target() const { return target_; }
    bool wants_name() const { return wants_name_; }
    /// The application asked for UDP ASSOCIATE. There is no target: the address that its request
    /// names does not count, as most programs cannot know it.
    bool associates() const { return associates_; }
    /// The port that it sends its datagrams from, by its own word. 0: it has named none.
    std::uint16_t association_port() const { return association_port_; }
    /// The address, if the addresses of a literal one were asked: it is its own answer.
    std::optional<base::IpAddress> own_answer() const;
    /// Empty if the application sent no credentials.
    const core::IsolationKey& isolation() const { return isolation_; }

 private:
    std::size_t needed() const;
    bool expects_credentials() const;
    void message_complete();
    void on_greeting();
    void on_credentials();
    void on_request();
    void send(std::initializer_list<std::uint8_t> bytes);
    void refuse(std::string_view send_refusal);
    void refuse(Reply reply);

    Rules rules_;
    State state_ = State::greeting;
    bool authenticated_ = false;
    base::Bytes message_;
    base::Bytes output_;
    stream::Target target_;
    bool wants_name_ = false;
    bool associates_ = false;
    std::uint16_t association_port_ = 0;
    std::string credentials_;
    core::IsolationKey isolation_;
};

}  // namespace nightjar::client::protocol::socks5

// SOCKS5 (RFC 1928, RFC 1929) as a state machine: bytes in, bytes and one question out. No socket,
// no clock; `proxy` moves the bytes and keeps the deadlines (docs/client.md).
//
//                        methods hold 2          sub-negotiation
//   [greeting] ----------------------> [credentials] ------> [request] --> [asked]
//        | \------- methods hold 0 only ------------------------^  |
//        |                                 credentials after "none" +--> back to [request]
//        +---- no SOCKS, no method ----> [refused] <---- anything malformed or not offered
#pragma once

#include <string>
#include <string_view>

#include "client/core.hpp"
#include "sphinx/base/bytes.hpp"
#include "sphinx/stream/mux.hpp"

namespace nightjar::client::socks5 {

/// RFC 1928's REP field.
enum class Reply : std::uint8_t {
    succeeded = 0,
    general_failure = 1,             // malformed, a bound of ours, or no network
    not_allowed = 2,                 // a private address; refused by the exit's policy
    network_unreachable = 3,         // never sent: only the exit could tell it from 4
    host_unreachable = 4,            // the exit could not resolve or reach it
    connection_refused = 5,          // by the target
    ttl_expired = 6,                 // nothing came back in time
    command_not_supported = 7,       // BIND, UDP ASSOCIATE, unknown
    address_type_not_supported = 8,  // neither 1, 3 nor 4
};

/// What an application gets to hear when its stream is reset before it was accepted.
Reply reply_for(stream::ResetReason reason);
/// Ten bytes; the bound address is always 0.0.0.0:0, because the exit's is nobody's business.
base::Bytes reply_bytes(Reply reply);

struct Rules {
    bool private_targets = false;  // lab networks only: private and loopback targets may be asked
    std::string listener;          // goes into the isolation key
};

/// One application's handshake. Holds at most one message of it (513 bytes).
class Handshake {
 public:
    enum class State {
        greeting,     // waits for version and methods
        credentials,  // waits for username and password
        request,      // waits for the command
        asked,        // target() and isolation() stand; the caller answers with reply_bytes()
        refused,      // the output says why (or is empty): send it and close
    };

    explicit Handshake(Rules rules) : rules_{std::move(rules)} {}

    /// Takes what it needs and returns how many bytes that was: in `asked` and `refused` nothing,
    /// so that what an application sends ahead stays the stream's.
    std::size_t feed(base::ByteView bytes);
    /// What is to be sent now; empties itself.
    base::Bytes take_output();

    State state() const { return state_; }
    /// Precondition of both: state() == asked.
    const stream::Target& target() const { return target_; }
    const IsolationKey& isolation() const { return isolation_; }

 private:
    std::size_t needed() const;
    bool expects_credentials() const;
    void message_complete();
    void on_greeting();
    void on_credentials();
    void on_request();
    void send(std::initializer_list<std::uint8_t> bytes);
    void refuse(std::string_view last_words);
    void refuse(Reply reply);

    Rules rules_;
    State state_ = State::greeting;
    bool authenticated_ = false;
    base::Bytes message_;
    base::Bytes output_;
    stream::Target target_;
    IsolationKey isolation_;
};

/// Host names as we pass them on: letters, digits, '-', '_', '.'; labels of 1-63 bytes, at most
/// 253 in all, one final dot allowed; the last label is not a number. Literals are no names.
bool is_host_name(std::string_view name);

}  // namespace nightjar::client::socks5

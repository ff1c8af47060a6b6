// Why a link did not come up, or why it ended.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace nightjar::node::link {

enum class LinkError {
    unreachable,  // connect failed
    handshake,    // TLS failed, or the protocol or the peer's key is not the expected one
    timed_out,    // handshake deadline
    bad_hello,    // wrong network, version or role
    bad_cell,     // a record of another size or that does not authenticate, an unknown kind, a
                  // malformed control message, a second HELLO
    closed,       // by the peer or by us
    silent,
    stuck,  // the peer takes no bytes
    abuse,  // too many KeyUpdates
};
const char* to_string(LinkError error);
inline constexpr std::size_t link_error_count = 9;

/// How many handshakes have failed, by what ended them.
class HandshakeFailures {
 public:
    void count(LinkError why) { ++counts_[static_cast<std::size_t>(why)]; }
    std::uint64_t of(LinkError why) const { return counts_[static_cast<std::size_t>(why)]; }
    void add(const HandshakeFailures& more) {
        for (std::size_t i = 0; i < link_error_count; ++i)
            counts_[i] += more.counts_[i];
    }

 private:
    std::array<std::uint64_t, link_error_count> counts_{};
};

}  // namespace nightjar::node::link

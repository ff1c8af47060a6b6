// Why a link did not come up, or why it ended.
#pragma once

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

}  // namespace nightjar::node::link

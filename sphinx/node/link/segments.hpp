// Links on paths that drop large packets and say nothing (a PMTU black hole). There a handshake
// does not end, or a link stands and no cell arrives. So after such an end a Dialer asks for small
// segments at that address, and after another one for large ones again. A path that carries less
// than small_segment and its headers is not helped.
#pragma once

#include "sphinx/base/time.hpp"
#include "sphinx/node/link/link.hpp"

namespace nightjar::node::link {

/// Bytes of a TCP segment that fits into what each path of IPv6 carries: 1,280 bytes with headers.
inline constexpr int small_segment = 1220;
/// A link that ended sooner may be on such a path. The peer of a link between relays has nothing to
/// say but padding each 15 s, and 15 s for it to leave.
inline constexpr base::Seconds proven{60};

/// dial(), by segments of at most so many bytes each way; 0: as many as the path says. I/O thread
/// only.
asio::awaitable<LinkResult> dial_by_segments(asio::ip::tcp::endpoint address, TlsIdentity& identity,
                                             base::LinkKey expected, cell::Hello mine,
                                             LinkLimits limits, int segment);

}  // namespace nightjar::node::link

// The arrival of a packet's frames at a Mux, in tests that play the other end.
#pragma once

#include "sphinx/stream/mux.hpp"

namespace nightjar::test {

/// Parses the frames for `receiver` and passes them to `mux`, which must be that side. Returns
/// false, and passes nothing, if they are malformed.
inline bool arrive(stream::Side receiver, stream::Mux& mux, base::ByteView frames) {
    const auto checked = stream::CheckedFrames::parse(receiver, frames);
    if (checked) mux.receive(*checked);
    return checked.has_value();
}
inline bool arrive_at_exit(stream::Mux& exit, base::ByteView frames) {
    return arrive(stream::Side::exit, exit, frames);
}
inline bool arrive_at_client(stream::Mux& client, base::ByteView frames) {
    return arrive(stream::Side::client, client, frames);
}

}  // namespace nightjar::test

// Servers that note when bytes of a named client pass. The first 8 bytes that a client sends are
// its name. `told` is called once for each piece that passes, after the name is known.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "tests/lab/world/servers.hpp"

namespace nightjar::lab::world {

using NameTold = std::function<void(std::uint64_t name)>;

/// The target of uploads.
std::unique_ptr<ByteServer> named_sink(NameTold told);
/// Sends for ever, as fast as the stream takes it, in pieces of about one packet's content.
std::unique_ptr<ByteServer> named_source(NameTold told);

}  // namespace nightjar::lab::world

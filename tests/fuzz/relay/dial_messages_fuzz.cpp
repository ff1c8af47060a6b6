// What an exit and the process for its connections say to each other, in both directions.
#include <algorithm>

#include "relay/io/dial_messages.hpp"
#include "tests/fuzz/depth.hpp"

namespace {

using namespace nightjar;
using namespace nightjar::relay;
using nightjar::fuzz::require;

nightjar::fuzz::Depth connect_taken{"a target"};
nightjar::fuzz::Depth give_up_taken{"an attempt to give up"};
nightjar::fuzz::Depth connected_taken{"a connection"};
nightjar::fuzz::Depth error_taken{"an error"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView message{data, size};
    if (const auto request = io::parse_dial_request(message)) {
        (std::holds_alternative<io::Connect>(*request) ? connect_taken : give_up_taken).reach();
        require(std::ranges::equal(io::to_bytes(*request), message));
    }
    if (const auto reply = io::parse_dial_reply(message)) {
        (std::holds_alternative<io::Connected>(*reply) ? connected_taken : error_taken).reach();
        require(std::ranges::equal(io::to_bytes(*reply), message));
    }
    return 0;
}

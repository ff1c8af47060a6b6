// Whatever a packet's message says: a header that decodes encodes to the same bytes, and the SURBs
// and frames that it speaks of lie within the message.
#include "sphinx/stream/header.hpp"

#include <algorithm>
#include <cstdlib>

#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;

namespace {

fuzz::Depth up_without{"a header of a packet to the exit"};
fuzz::Depth up_with_all{"one with as many SURBs as fit"};
fuzz::Depth down_any{"a header of a reply"};
fuzz::Depth acked{"acks of packets below the largest"};
fuzz::Depth of_another_length{"a message of another length"};

template <class Header>
void same_again(const Header& header, base::ByteView message, std::size_t size) {
    base::Bytes again(size);
    encode(header, again);
    require(std::equal(again.begin(), again.end(), message.begin()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView input{data, size};
    // Short inputs stand for the beginning of a message, so that the fuzzer need not find 2048
    // bytes; a longer one must be refused.
    base::Bytes message(input.begin(), input.end());
    if (size < stream::message_size) message.resize(stream::message_size);
    const auto up = stream::decode_up(message);
    const auto down = stream::decode_down(message);
    if (message.size() != stream::message_size) {
        require(!up && !down);
        of_another_length.reach();
        return 0;
    }
    if (up) {
        (up->surb_count == stream::surbs_max ? up_with_all : up_without).reach();
        if (up->acks.below.any()) acked.reach();
        same_again(*up, message, stream::up_header_size);
        require(up->surb_count <= stream::surbs_max);
        for (std::size_t i = 0; i < up->surb_count; ++i)
            require(stream::surb_of(*up, message, i).size() == stream::surb_size);
        const auto frames = stream::frames_of(*up, message);
        require(frames.size() == stream::up_room(up->surb_count));
        require(frames.data() + frames.size() == message.data() + message.size());
    }
    if (down) {
        down_any.reach();
        same_again(*down, message, stream::down_header_size);
        require(stream::frames_of(*down, message).size() == stream::down_room);
    }
    return 0;
}

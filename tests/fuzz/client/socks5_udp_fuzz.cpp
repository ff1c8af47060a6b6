// Any datagram that an association gets: both parts are its bytes in their order, and only one for
// port 53 in one piece is read.
#include "client/protocol/socks5_udp.hpp"

#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace client::protocol;

namespace {

fuzz::Depth to_name{"a datagram to a name"};
fuzz::Depth to_ipv6{"a datagram to an IPv6 address"};
fuzz::Depth dropped{"a datagram that is dropped"};
fuzz::Depth question{"a question for an exit"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView input{data, size};
    const auto datagram = socks5::read_datagram(input);
    if (!datagram) {
        dropped.reach();
        return 0;
    }
    const auto& header = datagram->header;
    require(header.size() >= 7 && header.data() == data);
    require(header.size() + datagram->message.size() == size);
    require(datagram->message.data() == data + header.size());
    require(data[0] == 0 && data[1] == 0 && data[2] == 0);
    require(header[header.size() - 2] == 0 && header[header.size() - 1] == 53);
    // A header alone is one, and a shorter one is none.
    require(socks5::read_datagram(header).has_value());
    require(!socks5::read_datagram(header.first(header.size() - 1)));
    if (data[3] == 3) to_name.reach();
    if (data[3] == 4) to_ipv6.reach();
    if (dns::read_query(datagram->message, false).question) question.reach();
    return 0;
}

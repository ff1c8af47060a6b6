// A hostile exit's answer to a lookup: what the parser takes is what an exit writes, within the
// bounds, and the reply to the application is well formed whatever the answer holds.
#include "sphinx/stream/name_records.hpp"

#include <cstdlib>

#include "client/protocol/socks5.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
namespace socks5 = client::protocol::socks5;

namespace {

fuzz::Depth address{"an answer with an address"};
fuzz::Depth name{"an answer with a name"};
fuzz::Depth several{"several records"};
fuzz::Depth unusable{"a well-formed answer that has nothing for the application"};

constexpr std::size_t reply_size_max = 4 + 1 + 255 + 2;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView input{data, size};
    const auto records = stream::decode_records(input);
    if (!records) return 0;
    const auto again = stream::encode(*records);
    require(std::equal(again.begin(), again.end(), input.begin(), input.end()));
    require(!records->empty() && records->size() <= stream::records_max);
    require(size <= stream::records_bytes_max);
    if (records->size() > 1) several.reach();
    for (const bool wants_name : {false, true}) {
        const auto reply = socks5::answer_bytes(*records, wants_name, false);
        require(reply.size() >= 10 - 4 && reply.size() <= reply_size_max && reply[0] == 5);
        const bool found = reply[1] == 0;
        require(!found || (reply[3] == 3) == wants_name);
        (found ? (wants_name ? name : address) : unusable).reach();
    }
    return 0;
}

// What an exit and the process for its name lookups say to each other, in both directions. The
// exit's end may be lied to by a process that was taken over: no message answers a query of another
// kind, or one twice.
#include "relay/io/name_messages.hpp"

#include <algorithm>

#include "relay/io/name_queries.hpp"
#include "tests/fuzz/depth.hpp"

namespace {

using namespace nightjar;
using namespace nightjar::relay;
using nightjar::fuzz::require;

nightjar::fuzz::Depth request_taken{"a request"};
nightjar::fuzz::Depth servers_taken{"name servers"};
nightjar::fuzz::Depth reply_taken{"a reply"};
nightjar::fuzz::Depth addresses_passed{"addresses that were asked for"};
nightjar::fuzz::Depth name_passed{"a name that was asked for"};

constexpr std::uint64_t asks_v4 = 1, asks_v6 = 2, asks_name = 3, is_withdrawn = 4;

void read_reply(const io::NameReply& reply) {
    int answers = 0;
    io::NameQueries queries;
    for (const auto family : core::families) {
        const auto on_answer = [&answers, family](const core::NameAnswer& answer) {
            ++answers;
            if (!answer) return;
            require(!answer->addresses.empty());
            for (const auto& address : answer->addresses)
                require(address.v6 == (family == core::Family::v6));
            addresses_passed.reach();
        };
        queries.add(family == core::Family::v4 ? asks_v4 : asks_v6, family, on_answer, {});
    }
    const auto on_name = [&answers](const auto& answer) {
        ++answers;
        if (answer) name_passed.reach();
    };
    queries.add(asks_name, on_name, {});
    queries.add(is_withdrawn, on_name, {});
    require(queries.withdraw(is_withdrawn));
    const auto before = queries.size();
    const bool taken = queries.answer(reply);
    require(queries.size() == before - (taken ? 1 : 0));
    require(answers <= (taken ? 1 : 0));
    require(!queries.answer(reply) || !taken);
    queries.fail_all();
    require(answers <= 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView message{data, size};
    if (const auto request = io::parse_request(message)) {
        request_taken.reach();
        if (std::holds_alternative<io::UseServers>(*request)) servers_taken.reach();
        require(std::ranges::equal(io::to_bytes(*request), message));
    }
    if (const auto reply = io::parse_reply(message)) {
        reply_taken.reach();
        require(std::ranges::equal(io::to_bytes(*reply), message));
        read_reply(*reply);
    }
    return 0;
}

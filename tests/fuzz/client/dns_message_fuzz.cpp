// Whatever is sent to the DNS listener: a question that an exit may see, or an answer at once, or
// nothing; and answers that keep their bound.
#include "client/protocol/dns_message.hpp"

#include <cstdlib>

#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::client::protocol::dns;

namespace {

fuzz::Depth by_name{"a question for addresses"};
fuzz::Depth by_address{"a question for a name"};
fuzz::Depth refused{"an answer at once"};
fuzz::Depth ignored{"no answer"};
fuzz::Depth private_name{"a question that only a lab may ask"};

/// The answers to a question keep its identifier and their bound.
void check_answers(const Question& question) {
    std::vector<stream::NameRecord> records(stream::records_max,
                                            {*base::IpAddress::parse("2606:4700::1"), 1});
    records.push_back({*base::IpAddress::parse("1.2.3.4"), 1});
    records.push_back({std::string{"a.b"}, 1});
    const auto said = answer(question, records, false, udp_answer_max);
    require(said.size() <= udp_answer_max && said[7] > 0);
    require((said[0] << 8 | said[1]) == question.id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView input{data, size};
    const auto query = read_query(input, false);
    require(!query.question || query.answer.empty());
    if (query.question) {
        const auto target = query.question->target();
        require(stream::valid_target(target) && target.port == 0);
        for (const char c : target.host)
            require(c > ' ' && c < 0x7f);
        (query.question->address ? by_address : by_name).reach();
        check_answers(*query.question);
    } else {
        require(query.answer.empty() || query.answer.size() >= 12);
        (query.answer.empty() ? ignored : refused).reach();
        if (read_query(input, true).question) private_name.reach();
    }
    return 0;
}

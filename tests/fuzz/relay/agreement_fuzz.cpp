// Any bytes: refused, or the one encoding of a message, a certificate or a saved state. What parses
// is no larger than its bound.
#include <algorithm>
#include <cstdlib>

#include "relay/authority/core/saved_state.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

fuzz::Depth proposals{"a proposal"};
fuzz::Depth proposals_again{"a proposal of a value that had a quorum"};
fuzz::Depth votes{"a vote"};
fuzz::Depth certificates{"a certificate"};
fuzz::Depth states{"a saved state"};
fuzz::Depth decided{"a saved state with a decision"};

void try_message(base::ByteView bytes) {
    const auto message = parse_message(bytes);
    if (!message) return;
    require(bytes.size() == message_size);
    require(std::ranges::equal(encode(*message), bytes));
    if (message->kind != Kind::proposal) return votes.reach();
    (message->valid_round == no_round ? proposals : proposals_again).reach();
}

void try_certificate(base::ByteView bytes) {
    const auto certificate = parse_certificate(bytes);
    if (!certificate) return;
    require(bytes.size() <= certificate_size_max);
    require(std::ranges::equal(encode(*certificate), bytes));
    for (const auto& voter : certificate->voters)
        require(parse_message(encode(certificate->vote(voter))).has_value());
    certificates.reach();
}

void try_state(base::ByteView bytes) {
    const auto state = parse_saved_state(bytes);
    if (!state) return;
    require(bytes.size() <= saved_state_size_max);
    require(std::ranges::equal(encode(*state), bytes));
    states.reach();
    if (state->decision) decided.reach();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try_message({data, size});
    try_certificate({data, size});
    try_state({data, size});
    return 0;
}

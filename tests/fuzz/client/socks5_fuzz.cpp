// Whatever an application sends, cut anywhere: the same outcome, at most 513 bytes held, and a
// target only of a form that an exit may see.
#include "client/protocol/socks5.hpp"

#include <cstdlib>

#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using client::protocol::socks5::Handshake;

namespace {

fuzz::Depth asked{"a target"};
fuzz::Depth isolated{"a target behind credentials"};
fuzz::Depth lookup{"a lookup of a name"};
fuzz::Depth lookup_of_address{"a lookup of an address"};
fuzz::Depth association{"an association"};
fuzz::Depth private_target{"a private target, refused"};
fuzz::Depth refused{"a refusal in words"};

struct Outcome {
    Handshake::State state;
    base::Bytes output;
    std::size_t used;
    bool operator==(const Outcome&) const = default;
};

Outcome run(base::ByteView input, std::size_t chunk) {
    Handshake handshake{{.private_targets = chunk == 0, .listener = "L"}};
    Outcome outcome{};
    if (chunk == 0) chunk = input.size() + 1;
    while (outcome.used < input.size()) {
        const auto piece =
            input.subspan(outcome.used, std::min(chunk, input.size() - outcome.used));
        const auto used = handshake.feed(piece);
        const auto output = handshake.take_output();
        outcome.output.insert(outcome.output.end(), output.begin(), output.end());
        outcome.used += used;
        if (used < piece.size()) break;
    }
    outcome.state = handshake.state();
    if (outcome.state == Handshake::State::asked && handshake.associates()) {
        require(handshake.target().host.empty() && !handshake.wants_name());
        association.reach();
    } else if (outcome.state == Handshake::State::asked) {
        const auto& target = handshake.target();
        require(!target.host.empty() && target.host.size() <= 254);
        const bool literal = base::IpAddress::parse(target.host).has_value();
        require(!handshake.wants_name() || (target.port == 0 && literal));
        if (target.port == 0) (handshake.wants_name() ? lookup_of_address : lookup).reach();
        for (const char c : target.host)
            require(c > ' ' && c < 0x7f);
    }
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const base::ByteView input{data + 1, size - 1};
    const auto whole = run(input, input.size() + 1);
    require(run(input, 1 + data[0] % 16) == whole);
    const auto any_target = run(input, 0);
    if (whole.state == Handshake::State::asked) asked.reach();
    // The answer to the method, then that to the credentials.
    if (whole.state == Handshake::State::asked && whole.output.size() > 2) isolated.reach();
    if (whole.state == Handshake::State::refused) {
        if (!whole.output.empty()) refused.reach();
        if (any_target.state == Handshake::State::asked) private_target.reach();
    }
    return 0;
}

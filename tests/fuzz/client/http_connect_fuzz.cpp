// Whatever is sent to the proxy port as HTTP, cut anywhere: the same outcome, a bounded head, and a
// target only of a form that an exit may see.
#include <cstdlib>

#include "client/protocol/handshake.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using client::protocol::Handshake;

namespace {

fuzz::Depth asked{"a target"};
fuzz::Depth isolated{"a target with an isolation key"};
fuzz::Depth silent{"a refusal without a word"};
fuzz::Depth malformed{"a malformed CONNECT"};
fuzz::Depth plain{"a request for a whole URL"};
fuzz::Depth private_target{"a private target, refused"};

struct Outcome {
    Handshake::State state;
    base::Bytes output;
    std::size_t used;
    bool operator==(const Outcome&) const = default;
};

Outcome run(base::ByteView input, std::size_t chunk, bool private_targets = false) {
    Handshake handshake{{.private_targets = private_targets, .listener = "L"}};
    Outcome outcome{};
    while (outcome.used < input.size()) {
        const auto piece =
            input.subspan(outcome.used, std::min(chunk, input.size() - outcome.used));
        const auto used = handshake.feed(piece);
        outcome.used += used;
        if (used < piece.size()) break;
    }
    outcome.output = handshake.take_output();
    outcome.state = handshake.state();
    require(outcome.used <= client::protocol::http::head_max);
    if (outcome.state == Handshake::State::asked) {
        const auto& target = handshake.target();
        require(!target.host.empty() && target.host.size() <= 254 && target.port != 0);
        for (const char c : target.host)
            require(c > ' ' && c < 0x7f);
        require(!handshake.wants_name() && !handshake.own_answer());
        if (!handshake.isolation().empty()) isolated.reach();
    }
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || data[1] < 'A' || data[1] > 'Z') return 0;
    const base::ByteView input{data + 1, size - 1};
    const auto whole = run(input, input.size());
    require(run(input, 1 + data[0] % 16) == whole);
    if (whole.state == Handshake::State::asked) asked.reach();
    if (whole.state != Handshake::State::refused) return 0;
    const auto said = base::as_text(whole.output);
    if (said.empty()) silent.reach();
    if (said.starts_with("HTTP/1.1 400 ")) malformed.reach();
    if (said.starts_with("HTTP/1.1 501 ")) plain.reach();
    if (run(input, input.size(), true).state == Handshake::State::asked) private_target.reach();
    return 0;
}

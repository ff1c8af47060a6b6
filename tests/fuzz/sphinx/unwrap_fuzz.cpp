// Any bytes as a batch of packets, under every kernel alike: no crash, the same outcomes, and what
// fails leaves nothing behind. An odd first byte seals the bytes as a routing block under a MAC
// that fits, so that what lies behind the MAC is reached.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "sphinx/crypto/kernel.hpp"
#include "sphinx/packet/header.hpp"
#include "sphinx/packet/packet.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

fuzz::Depth forwarded{"a packet to forward"};
fuzz::Depth ended{"a packet that ends"};
fuzz::Depth behind_the_mac{"a bad routing block under a MAC that fits"};
fuzz::Depth bad_mac{"a MAC that does not fit"};

constexpr std::size_t fuzzed_packet = header_size + 64;

struct Node {
    Node() {
        base::SeededRandom random{1};
        pair = generate_key_pair(random);
        random.fill(ephemeral.span());
        alpha = public_key_of(ephemeral);
        keys = expand(*agree(ephemeral, pair.public_key));
    }
    KeyPair pair;
    SecretKey ephemeral;
    PublicKey alpha;
    HopKeys keys;
};

base::Bytes sealed(const Node& node, base::ByteView block) {
    base::Bytes packet(fuzzed_packet);
    std::copy(node.alpha.bytes.begin(), node.alpha.bytes.end(), packet.begin());
    const auto beta = base::ByteSpan{packet}.subspan(beta_offset, beta_size);
    std::copy_n(block.begin(), std::min(block.size(), beta_size), beta.begin());
    StreamCiphers{}.aes_ctr(node.keys.cipher_key, beta);
    const auto gamma = header_mac_each<1>({&node.keys}, {beta})[0];
    std::copy(gamma.begin(), gamma.end(), packet.begin() + gamma_offset);
    return packet;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Node node;
    if (size == 0) return 0;
    const base::ByteView rest{data + 1, size - 1};
    const auto packet = data[0] & 1 ? sealed(node, rest) : base::Bytes(rest.begin(), rest.end());
    const std::size_t copies = 1 + (data[0] >> 1) % 9;
    std::optional<base::Bytes> first;
    for (const auto kernel : {Kernel::portable, Kernel::avx2, Kernel::ifma}) {
        if (!available(kernel)) continue;
        force_kernel(kernel);
        std::vector<base::Bytes> packets(copies, packet);
        std::vector<UnwrapJob> jobs(copies);
        for (std::size_t i = 0; i < copies; ++i) {
            jobs[i].packet = packets[i];
            jobs[i].key = &node.pair.secret;
        }
        unwrap_batch(jobs, fuzzed_packet);
        for (std::size_t i = 0; i < copies; ++i) {
            require(jobs[i].outcome.has_value() == jobs[0].outcome.has_value());
            if (!jobs[i].outcome)
                require(std::all_of(packets[i].begin(), packets[i].end(),
                                    [](auto byte) { return byte == 0; }));
            if (!first) {
                first = packets[i];
                const auto& outcome = jobs[i].outcome;
                if (outcome)
                    (std::holds_alternative<Final>(outcome->what) ? ended : forwarded).reach();
                else if (outcome.error() == Error::mac_mismatch)
                    bad_mac.reach();
                else if (data[0] & 1)
                    behind_the_mac.reach();
            }
            require(packets[i] == *first);
        }
    }
    return 0;
}

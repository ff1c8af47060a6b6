// unwrap_batch under every kernel and with every batch size. Each packet must get the same outcome
// and bytes as from the portable code alone.
#include <doctest/doctest.h>

#include <algorithm>

#include "sphinx/packet/header.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/payload.hpp"
#include "sphinx/packet/routing.hpp"
#include "tests/support/kernels.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

constexpr std::size_t small_payload = 321;
constexpr std::size_t small_packet = header_size + small_payload;

struct Sample {
    base::Bytes packet;
    const SecretKey* key;
};

/// Packets of 1 to 5 hops for two keys, and one of every kind of bad packet.
struct Samples {
    explicit Samples(std::size_t count) {
        for (auto& pair : pairs)
            pair = generate_key_pair(random);
        for (std::size_t i = 0; i < count; ++i) {
            std::vector<Hop> route{{random.id<base::NodeId>(), pairs[i % 2].public_key, i}};
            for (std::size_t hop = 1; hop < 1 + i % max_hops; ++hop)
                route.push_back({random.id<base::NodeId>(), pairs[hop % 2].public_key, hop});
            auto built =
                build(i % 3 ? Version::v260 : Version::v259, route, random.id<base::Destination>(),
                      random.id<base::SurbId>(), base::Bytes(i % 100, 0x33), small_payload,
                      HeaderRandomness::draw(random));
            REQUIRE(built);
            spoil(i, *built);
            all.push_back({*std::move(built), &pairs[i % 2].secret});
        }
    }
    void spoil(std::size_t i, base::Bytes& packet) {
        switch (i % 13) {
            case 3:
                packet[gamma_offset + i % key_size] ^= 0x10;
                break;
            case 5:
                packet.pop_back();
                break;
            case 7:
                packet[alpha_size - 1] |= 0x80;
                break;
            case 9:
                std::fill_n(packet.begin(), alpha_size, std::uint8_t{0});
                break;
            case 11:
                packet[beta_offset + i] ^= 1;
                break;
            default:
                break;
        }
    }

    base::SeededRandom random{11};
    std::array<KeyPair, 2> pairs;
    std::vector<Sample> all;
};

struct Expected {
    base::Bytes packet;
    base::Result<Opened, Error> outcome;
};

bool same(const base::Result<Opened, Error>& a, const base::Result<Opened, Error>& b) {
    if (a.has_value() != b.has_value()) return false;
    if (!a) return a.error() == b.error();
    if (a->replay_tag != b->replay_tag || a->what.index() != b->what.index()) return false;
    if (const auto* forward = std::get_if<Forward>(&a->what)) {
        const auto& other = std::get<Forward>(b->what);
        return forward->next == other.next && forward->delay_ns == other.delay_ns;
    }
    const auto& last = std::get<Final>(a->what);
    const auto& other = std::get<Final>(b->what);
    return last.destination == other.destination && last.identifier == other.identifier;
}

}  // namespace

TEST_CASE("unwrap_batch: every size under every kernel is the portable code packet by packet") {
    const Samples samples{140};
    std::vector<Expected> expected;
    {
        const testing::KernelScope portable{Kernel::portable};
        for (const auto& sample : samples.all) {
            auto packet = sample.packet;
            auto outcome = unwrap(packet, *sample.key, small_packet);
            expected.push_back({std::move(packet), outcome});
        }
    }
    std::size_t good = 0;
    for (const auto& one : expected)
        good += one.outcome.has_value() ? 1 : 0;
    REQUIRE(good > 80);
    REQUIRE(good < 100);

    testing::with_every_kernel([&](Kernel) {
        std::size_t next = 0;
        for (std::size_t size = 0; size <= 140; size += size < 20 ? 1 : 15) {
            CAPTURE(size);
            std::vector<base::Bytes> packets;
            std::vector<UnwrapJob> jobs(size);
            std::vector<std::size_t> which;
            for (std::size_t i = 0; i < size; ++i, next = (next + 1) % samples.all.size()) {
                which.push_back(next);
                packets.push_back(samples.all[next].packet);
            }
            for (std::size_t i = 0; i < size; ++i) {
                jobs[i].packet = packets[i];
                jobs[i].key = samples.all[which[i]].key;
            }
            unwrap_batch(jobs, small_packet);
            for (std::size_t i = 0; i < size; ++i) {
                CAPTURE(i);
                CHECK(same(jobs[i].outcome, expected[which[i]].outcome));
                CHECK(packets[i] == expected[which[i]].packet);
            }
        }
    });
}

TEST_CASE("every flag and every version but ours is refused under a MAC that fits") {
    base::SeededRandom random{5};
    const auto pair = generate_key_pair(random);
    const std::vector<Hop> route{{random.id<base::NodeId>(), pair.public_key, 1},
                                 {random.id<base::NodeId>(), pair.public_key, 2}};
    const auto drawn = HeaderRandomness::draw(random);
    const auto keys = derive_keys(route, drawn.initial_secret);
    REQUIRE(keys);
    StreamCiphers ciphers;
    const auto header = wrap(ciphers, Version::v260, route, *keys, make_filler(ciphers, *keys),
                             {random.id<base::Destination>(), {}, drawn.final_padding});

    // Changes bytes of the first hop's decrypted block and seals it again.
    const auto outcome = [&](auto change) {
        base::Bytes packet(header.begin(), header.end());
        packet.resize(small_packet);
        const auto beta = base::ByteSpan{packet}.subspan(beta_offset, beta_size);
        ciphers.aes_ctr(keys->of_hop[0].cipher_key, beta);
        change(beta);
        ciphers.aes_ctr(keys->of_hop[0].cipher_key, beta);
        const auto gamma = header_mac_each<1>({&keys->of_hop[0]}, {beta})[0];
        std::copy(gamma.begin(), gamma.end(), packet.begin() + gamma_offset);
        return unwrap(packet, pair.secret, small_packet);
    };
    for (int flag = 0; flag < 256; ++flag) {
        const auto opened =
            outcome([&](base::ByteSpan beta) { beta[0] = static_cast<std::uint8_t>(flag); });
        CAPTURE(flag);
        CHECK(opened.has_value() == (flag == 1 || flag == 2));
        if (!opened) CHECK(opened.error() == Error::bad_flag);
    }
    for (int first = 0; first < 256; first += 51) {
        for (int version = 0; version < 65536; version += version < 512 ? 1 : 97) {
            const auto opened = outcome([&](base::ByteSpan beta) {
                beta[1] = static_cast<std::uint8_t>(first);
                beta[2] = static_cast<std::uint8_t>(version >> 8);
                beta[3] = static_cast<std::uint8_t>(version);
            });
            const bool ours = first == 0 && (version == 259 || version == 260);
            CHECK(opened.has_value() == ours);
            if (!opened) CHECK(opened.error() == Error::bad_version);
        }
    }
    for (const std::uint64_t delay : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
        const auto opened = outcome([&](base::ByteSpan beta) {
            for (int i = 0; i < 8; ++i)
                beta[36 + i] = static_cast<std::uint8_t>(delay >> (56 - 8 * i));
        });
        REQUIRE(opened);
        CHECK(std::get<Forward>(opened->what).delay_ns == delay);
    }
}

TEST_CASE("a header whose next hop is this very node is forwarded like any other") {
    base::SeededRandom random{6};
    const auto pair = generate_key_pair(random);
    const Hop self{random.id<base::NodeId>(), pair.public_key, 9};
    const std::vector<Hop> route{self, self, self};
    auto packet =
        build(Version::v260, route, {}, {}, {}, small_payload, HeaderRandomness::draw(random));
    REQUIRE(packet);
    std::vector<ReplayTag> tags;
    for (std::size_t hop = 0; hop < route.size(); ++hop) {
        const auto opened = unwrap(*packet, pair.secret, small_packet);
        REQUIRE(opened);
        tags.push_back(opened->replay_tag);
        if (hop + 1 < route.size()) CHECK(std::get<Forward>(opened->what).next == self.address);
    }
    CHECK(tags[0] != tags[1]);
    CHECK(tags[1] != tags[2]);
}

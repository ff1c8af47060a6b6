#include "sphinx/packet/packet.hpp"

#include <doctest/doctest.h>

#include "sphinx/packet/surb.hpp"

namespace {

using namespace nightjar;
using namespace nightjar::packet;

/// The keys of five relays.
struct Relays {
    explicit Relays(base::Random& random, std::size_t n = max_hops) {
        for (std::size_t i = 0; i < n; ++i) {
            pairs.push_back(generate_key_pair(random));
            route.push_back({random.id<base::NodeId>(), pairs.back().public_key, 1000 + i});
        }
    }
    std::vector<KeyPair> pairs;
    std::vector<Hop> route;
};

struct Fixture {
    base::SeededRandom random{7};
    Relays relays{random};
    base::Destination destination = random.id<base::Destination>();
    base::SurbId identifier = random.id<base::SurbId>();
    base::Bytes message = base::Bytes(message_size, 0x5a);

    base::Bytes packet() {
        auto built = build(Version::v260, relays.route, destination, identifier, message,
                           payload_size, HeaderRandomness::draw(random));
        REQUIRE(built);
        return *built;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "five hops in one process: each learns its neighbour and its delay") {
    auto bytes = packet();
    CHECK(bytes.size() == packet_size);
    for (std::size_t i = 0; i < max_hops; ++i) {
        const auto opened = unwrap(bytes, relays.pairs[i].secret, packet_size);
        REQUIRE(opened);
        if (i + 1 < max_hops) {
            const auto& forward = std::get<Forward>(opened->what);
            CHECK(forward.next == relays.route[i + 1].address);
            CHECK(forward.delay_ns == 1000 + i);
        } else {
            CHECK(std::get<Final>(opened->what).destination == destination);
            CHECK(std::get<Final>(opened->what).identifier == identifier);
        }
    }
    const auto read = read_message(base::ByteView{bytes}.subspan(header_size));
    REQUIRE(read);
    CHECK(base::Bytes(read->begin(), read->end()) == message);
}

TEST_CASE_FIXTURE(Fixture, "a reply goes back by a SURB and only its owner can read it") {
    const auto made =
        make_surb(relays.route, destination, identifier, HeaderRandomness::draw(random));
    REQUIRE(made);
    auto reply = use_surb(made->surb, message, payload_size);
    REQUIRE(reply);
    CHECK(reply->first_hop == relays.route[0].address);
    for (const auto& pair : relays.pairs)
        REQUIRE(unwrap(reply->packet, pair.secret, packet_size));
    const auto payload = base::ByteView{reply->packet}.subspan(header_size);
    CHECK_FALSE(read_message(payload));
    const auto read = recover(made->recovery, payload);
    REQUIRE(read);
    CHECK(*read == message);
}

TEST_CASE_FIXTURE(Fixture, "each of the 2,784 single-bit flips of a header is refused") {
    const auto good = packet();
    for (std::size_t bit = 0; bit < 8 * header_size; ++bit) {
        auto flipped = good;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        const auto opened = unwrap(flipped, relays.pairs[0].secret, packet_size);
        CAPTURE(bit);
        CHECK_FALSE(opened);
    }
}

TEST_CASE_FIXTURE(Fixture, "every length but the network's is refused before any work") {
    const auto good = packet();
    for (std::size_t size = 0; size <= 2 * packet_size; ++size) {
        base::Bytes bytes(size);
        std::copy_n(good.begin(), std::min(size, good.size()), bytes.begin());
        const auto opened = unwrap(bytes, relays.pairs[0].secret, packet_size);
        CHECK(opened.has_value() == (size == packet_size));
        if (!opened) CHECK(opened.error() == Error::bad_length);
    }
}

TEST_CASE_FIXTURE(Fixture, "a changed payload passes every MAC and reads as nothing at the end") {
    auto bytes = packet();
    bytes[header_size + 100] ^= 1;
    for (const auto& pair : relays.pairs)
        REQUIRE(unwrap(bytes, pair.secret, packet_size));
    const auto read = read_message(base::ByteView{bytes}.subspan(header_size));
    REQUIRE_FALSE(read);
    CHECK(read.error() == Error::bad_payload);
}

TEST_CASE_FIXTURE(Fixture, "another relay's key and a second unwrap are refused by the MAC") {
    auto bytes = packet();
    auto other = bytes;
    CHECK(unwrap(other, relays.pairs[1].secret, packet_size).error() == Error::mac_mismatch);
    REQUIRE(unwrap(bytes, relays.pairs[0].secret, packet_size));
    CHECK_FALSE(unwrap(bytes, relays.pairs[0].secret, packet_size));
}

TEST_CASE_FIXTURE(Fixture, "a batch gives each packet the outcome that it has alone") {
    const auto good = packet();
    std::vector<base::Bytes> packets(11, good);
    packets[3][gamma_offset] ^= 1;
    packets[5].pop_back();
    packets[7][31] |= 0x80;
    std::fill_n(packets[9].begin(), alpha_size, std::uint8_t{0});
    std::vector<UnwrapJob> jobs(packets.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        jobs[i].packet = packets[i];
        jobs[i].key = &relays.pairs[0].secret;
    }
    unwrap_batch(jobs, packet_size);
    auto alone = good;
    const auto expected = unwrap(alone, relays.pairs[0].secret, packet_size);
    REQUIRE(expected);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        CAPTURE(i);
        const bool bad = i == 3 || i == 5 || i == 7 || i == 9;
        CHECK(jobs[i].outcome.has_value() == !bad);
        if (bad) continue;
        CHECK(packets[i] == alone);
        CHECK(jobs[i].outcome->replay_tag == expected->replay_tag);
    }
    CHECK(jobs[3].outcome.error() == Error::mac_mismatch);
    CHECK(jobs[5].outcome.error() == Error::bad_length);
    CHECK(jobs[7].outcome.error() == Error::bad_alpha);
    CHECK(jobs[9].outcome.error() == Error::low_order);
}

TEST_CASE_FIXTURE(Fixture, "a message one byte too long is an error and nothing else") {
    message.push_back(0);
    const auto built = build(Version::v260, relays.route, destination, identifier, message,
                             payload_size, HeaderRandomness::draw(random));
    REQUIRE_FALSE(built);
    CHECK(built.error() == Error::bad_length);
}

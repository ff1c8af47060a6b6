// Both ways against the published crate: its packets and SURBs through our hops, ours through its.
// Random routes of 1 to 5 hops, payload lengths from the least up, both versions, every kernel.
#include <doctest/doctest.h>

#include <iostream>

#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/surb.hpp"
#include "tests/interop/crate_peer.hpp"
#include "tests/support/kernels.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;
using interop::word;

namespace {

constexpr std::size_t routes_per_kernel = 3000;

interop::CratePeer& crate() {
    static interop::CratePeer peer{NIGHTJAR_CRATE_PEER};
    return peer;
}

/// One random route with everything that travels along it.
struct Trip {
    explicit Trip(base::Random& random)
        : payload_size{random.below(4) == 0 ? packet::payload_size
                                            : payload_size_min + random.below(600)},
          version{random.below(2) ? Version::v260 : Version::v259} {
        const auto hops = 1 + random.below(max_hops);
        for (std::size_t i = 0; i < hops; ++i) {
            pairs.push_back(generate_key_pair(random));
            const auto delay = random.below(3) ? random.below(1'000'000'000) : random.u64();
            route.push_back({random.id<base::NodeId>(), pairs.back().public_key, delay});
        }
        message.resize(random.below(payload_size - payload_overhead + 1));
        random.fill(message);
        destination = random.id<base::Destination>();
        identifier = random.id<base::SurbId>();
        drawn = HeaderRandomness::draw(random);
    }
    std::string hops() const {
        std::string text;
        for (const auto& hop : route)
            text += " " + word(hop.key.bytes) + ":" + word(hop.address.bytes) + ":" +
                    std::to_string(hop.delay_ns);
        return text;
    }

    std::size_t payload_size;
    Version version;
    std::vector<KeyPair> pairs;
    std::vector<Hop> route;
    base::Bytes message;
    base::Destination destination;
    base::SurbId identifier;
    HeaderRandomness drawn;
};

/// One hop of ours. It gets the packet 1 to 9 times over in one call, because a vector kernel
/// leaves single ones to other code, and gives the same to each.
base::Result<Opened, Error> unwrap_copies(base::Bytes& packet, const SecretKey& key) {
    std::vector<base::Bytes> packets(1 + packet[header_size] % 9, packet);
    std::vector<UnwrapJob> jobs(packets.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        jobs[i].packet = packets[i];
        jobs[i].key = &key;
    }
    unwrap_batch(jobs, packet.size());
    for (std::size_t i = 1; i < jobs.size(); ++i) {
        REQUIRE(jobs[i].outcome.has_value() == jobs[0].outcome.has_value());
        CHECK(packets[i] == packets[0]);
    }
    packet = packets[0];
    return jobs[0].outcome;
}

/// Our hops; the payload that the last one hands on.
base::Bytes through_ours(const Trip& trip, base::Bytes packet) {
    for (std::size_t i = 0; i < trip.route.size(); ++i) {
        REQUIRE(packet.size() == header_size + trip.payload_size);
        const auto opened = unwrap_copies(packet, trip.pairs[i].secret);
        REQUIRE(opened);
        if (i + 1 < trip.route.size()) {
            const auto& forward = std::get<Forward>(opened->what);
            CHECK(forward.next == trip.route[i + 1].address);
            CHECK(forward.delay_ns == trip.route[i].delay_ns);
        } else {
            const auto& last = std::get<Final>(opened->what);
            CHECK(last.destination == trip.destination);
            CHECK(last.identifier == trip.identifier);
        }
    }
    return {packet.begin() + header_size, packet.end()};
}

/// The crate's hops.
base::Bytes through_crate(const Trip& trip, base::Bytes packet) {
    for (std::size_t i = 0; i < trip.route.size(); ++i) {
        const auto answer =
            crate().ask("process " + word(trip.pairs[i].secret.view()) + " " + word(packet));
        REQUIRE(answer.size() == 4);
        if (i + 1 < trip.route.size()) {
            CHECK(answer[0] == "forward");
            CHECK(answer[1] == word(trip.route[i + 1].address.bytes));
            CHECK(answer[2] == std::to_string(trip.route[i].delay_ns));
        } else {
            CHECK(answer[0] == "final");
            CHECK(answer[1] == word(trip.destination.bytes));
            CHECK(answer[2] == word(trip.identifier.bytes));
        }
        packet = interop::bytes(answer[3]);
    }
    return packet;
}

void check_packets(const Trip& trip) {
    const auto theirs =
        crate().ask("build " + std::to_string(static_cast<int>(trip.version)) + " " +
                    std::to_string(trip.payload_size) + " " +
                    word(trip.drawn.initial_secret.view()) + " " + word(trip.destination.bytes) +
                    " " + word(trip.identifier.bytes) + " " + word(trip.message) + trip.hops());
    REQUIRE(theirs.size() == 1);
    const auto payload = through_ours(trip, interop::bytes(theirs[0]));
    const auto read = read_message(payload);
    REQUIRE(read);
    CHECK(base::Bytes(read->begin(), read->end()) == trip.message);

    const auto ours = build(trip.version, trip.route, trip.destination, trip.identifier,
                            trip.message, trip.payload_size, trip.drawn);
    REQUIRE(ours);
    // The same secret gives the same keys, so only the last block's random padding and what covers
    // it differ: alpha is equal byte for byte.
    CHECK(base::Bytes(ours->begin(), ours->begin() + alpha_size) ==
          interop::bytes(theirs[0].substr(0, 2 * alpha_size)));
    const auto answer = crate().ask("read " + word(through_crate(trip, *ours)));
    REQUIRE(answer.size() == 1);
    CHECK(answer[0] == word(trip.message));
}

void check_surbs(const Trip& trip) {
    const auto size = std::to_string(trip.payload_size);
    const auto theirs =
        crate().ask("surb " + word(trip.drawn.initial_secret.view()) + " " +
                    word(trip.destination.bytes) + " " + word(trip.identifier.bytes) + trip.hops());
    REQUIRE(theirs.size() == 2);
    const auto reply = use_surb(interop::bytes(theirs[0]), trip.message, trip.payload_size);
    REQUIRE(reply);
    CHECK(reply->first_hop == trip.route[0].address);
    const auto carried = through_ours(trip, reply->packet);
    const auto read = crate().ask("recover " + theirs[1] + " " + word(carried));
    REQUIRE(read.size() == 1);
    CHECK(read[0] == word(trip.message));

    const auto ours = make_surb(trip.route, trip.destination, trip.identifier, trip.drawn);
    REQUIRE(ours);
    const auto used =
        crate().ask("use " + word(ours->surb) + " " + size + " " + word(trip.message));
    REQUIRE(used.size() == 2);
    CHECK(used[0] == word(trip.route[0].address.bytes));
    const auto recovered = recover(ours->recovery, through_crate(trip, interop::bytes(used[1])));
    REQUIRE(recovered);
    CHECK(*recovered == trip.message);
}

}  // namespace

TEST_CASE("interop: packets both ways, and SURBs both ways") {
    base::SeededRandom random{static_cast<std::uint64_t>(kernel()) + 2026};
    for (std::size_t i = 0; i < routes_per_kernel; ++i) {
        CAPTURE(i);
        const Trip trip{random};
        if (i % 3 != 2)
            check_packets(trip);
        else
            check_surbs(trip);
    }
}

TEST_CASE("interop: the crate refuses a changed header of ours, and we one of its") {
    base::SeededRandom random{7};
    for (std::size_t i = 0; i < 100; ++i) {
        const Trip trip{random};
        auto packet = build(trip.version, trip.route, trip.destination, trip.identifier,
                            trip.message, trip.payload_size, trip.drawn);
        REQUIRE(packet);
        auto spoiled = *packet;
        spoiled[gamma_offset + random.below(key_size + beta_size)] ^= 4;
        CHECK(crate()
                  .ask("process " + word(trip.pairs[0].secret.view()) + " " + word(spoiled))
                  .empty());
        CHECK_FALSE(
            unwrap(spoiled, trip.pairs[0].secret, header_size + trip.payload_size).has_value());
    }
}

int main(int argc, char** argv) {
    int failures = 0;
    for (const auto kernel : testing::wanted_kernels()) {
        if (!available(kernel)) {
            std::cout << "measured: kernel " << to_string(kernel) << " not on this processor\n";
            continue;
        }
        std::cout << "measured: kernel " << to_string(kernel) << ", " << routes_per_kernel
                  << " routes\n";
        force_kernel(kernel);
        failures += doctest::Context{argc, argv}.run();
    }
    return failures == 0 ? 0 : 1;
}

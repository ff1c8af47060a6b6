// Errors that a replier or an owner can make with a SURB. Each gives a clear error and no partial
// result.
#include "sphinx/packet/surb.hpp"
#include "sphinx/packet/draft.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/payload.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::packet;

namespace {

constexpr std::size_t small_payload = 64;
constexpr std::size_t small_packet = header_size + small_payload;

struct Fixture {
    Fixture() {
        for (std::size_t i = 0; i < 3; ++i) {
            pairs.push_back(generate_key_pair(random));
            route.push_back({random.id<base::NodeId>(), pairs.back().public_key, UINT64_MAX});
        }
    }
    MadeSurb surb() {
        auto made = make_surb(route, random.id<base::Destination>(), random.id<base::SurbId>(),
                              HeaderRandomness::draw(random));
        REQUIRE(made);
        return std::move(*made);
    }
    /// The reply's payload as the last hop outputs it.
    base::Bytes carried(base::Bytes packet) {
        for (const auto& pair : pairs) {
            const auto opened = unwrap(packet, pair.secret, small_packet);
            REQUIRE(opened);
            if (const auto* forward = std::get_if<Forward>(&opened->what))
                CHECK(forward->delay_ns == UINT64_MAX);
        }
        return {packet.begin() + header_size, packet.end()};
    }

    base::SeededRandom random{61};
    std::vector<KeyPair> pairs;
    std::vector<Hop> route;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a SURB used twice is an error, and wiped by its first use") {
    const auto made = surb();
    auto held = HeldSurb::from(made.surb);
    REQUIRE(held);
    const base::Bytes message(20, 0x11), too_long(small_payload - payload_overhead + 1);

    // A failed use does not change the SURB.
    const auto refused = held->use(too_long, small_payload);
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Error::bad_length);

    const auto reply = held->use(message, small_payload);
    REQUIRE(reply);
    CHECK(reply->first_hop == route[0].address);
    const auto read = recover(made.recovery, carried(reply->packet));
    REQUIRE(read);
    CHECK(*read == message);

    const auto again = held->use(message, small_payload);
    REQUIRE_FALSE(again);
    CHECK(again.error() == Error::surb_spent);
}

TEST_CASE_FIXTURE(Fixture, "a SURB that was moved belongs to its new holder only") {
    const auto made = surb();
    auto held = HeldSurb::from(made.surb);
    REQUIRE(held);
    HeldSurb next = std::move(*held);
    const auto by_old = held->use({}, small_payload);
    REQUIRE_FALSE(by_old);
    CHECK(by_old.error() == Error::surb_spent);
    CHECK(next.use({}, small_payload));
    *held = std::move(next);  // the spent SURB stays spent
    CHECK_FALSE(held->use({}, small_payload));
}

TEST_CASE_FIXTURE(Fixture, "a SURB of every length but its own is refused") {
    const auto made = surb();
    const base::Bytes message(3, 0x22);
    for (std::size_t size = 0; size <= 2 * surb_size; ++size) {
        base::Bytes bytes(made.surb.begin(), made.surb.end());
        bytes.resize(size);
        const auto used = use_surb(bytes, message, small_payload);
        const auto held = HeldSurb::from(bytes);
        CHECK(used.has_value() == (size == surb_size));
        CHECK(held.has_value() == (size == surb_size));
        if (!used) CHECK(used.error() == Error::bad_length);
        if (!held) CHECK(held.error() == Error::bad_length);
    }
}

TEST_CASE_FIXTURE(Fixture,
                  "a reply written in place is the same, and where it does not fit nothing is") {
    const auto made = surb();
    const base::Bytes message(3, 0x22);
    const auto reply = use_surb(made.surb, message, small_payload);
    REQUIRE(reply);
    for (std::size_t size = 0; size <= header_size + 2 * small_payload; ++size) {
        base::Bytes packet(size, 0xaa);
        const auto first_hop = use_surb(made.surb, message, base::ByteSpan{packet});
        const bool fits = size >= header_size + payload_size_min &&
                          size >= header_size + message.size() + payload_overhead;
        REQUIRE(first_hop.has_value() == fits);
        if (fits) {
            CHECK(*first_hop == reply->first_hop);
            if (size == header_size + small_payload) CHECK(packet == reply->packet);
        } else {
            CHECK(first_hop.error() == Error::bad_length);
            CHECK(packet == base::Bytes(size, 0xaa));
        }
    }
}

TEST_CASE_FIXTURE(Fixture, "a message one byte too long for a SURB or a packet, at every size") {
    const auto made = surb();
    for (std::size_t payload = 0; payload <= 2 * small_payload; ++payload) {
        const bool possible = payload >= payload_size_min;
        const std::size_t most = possible ? payload - payload_overhead : 0;
        for (const std::size_t size : {most, most + 1}) {
            const base::Bytes message(size, 0x33);
            const auto used = use_surb(made.surb, message, payload);
            const auto built = build(Version::v259, route, {}, {}, message, payload,
                                     HeaderRandomness::draw(random));
            const bool fits = possible && size == most;
            CHECK(used.has_value() == fits);
            CHECK(built.has_value() == fits);
            if (!used) CHECK(used.error() == Error::bad_length);
            if (!built) CHECK(built.error() == Error::bad_length);
        }
    }
}

TEST_CASE_FIXTURE(Fixture, "a payload size above the bound is refused, and never wraps around") {
    const auto made = surb();
    auto held = HeldSurb::from(made.surb);
    REQUIRE(held);
    const auto drawn = HeaderRandomness::draw(random);
    DraftJob job{.route = route, .randomness = &drawn};
    draft_batch({&job, 1});
    REQUIRE(job.outcome);
    const auto none = std::size_t{0};
    for (const std::size_t payload : {payload_size_max + 1, none - header_size,
                                      none - header_size + 1, none - payload_overhead, none - 1}) {
        CAPTURE(payload);
        const auto built = build(Version::v260, route, {}, {}, {}, payload, drawn);
        const auto sealed = seal(*job.outcome, {}, payload);
        const auto used = use_surb(made.surb, {}, payload);
        const auto reply = held->use({}, payload);
        for (const bool fits :
             {built.has_value(), sealed.has_value(), used.has_value(), reply.has_value()})
            CHECK_FALSE(fits);
        if (!built) CHECK(built.error() == Error::bad_length);
        if (!reply) CHECK(reply.error() == Error::bad_length);
    }
    CHECK(build(Version::v260, route, {}, {}, {}, payload_size_max, drawn).has_value());
}

TEST_CASE_FIXTURE(Fixture, "a reply of every length but its own, and with any bit changed") {
    const auto made = surb();
    const base::Bytes message(5, 0x44);
    const auto reply = use_surb(made.surb, message, small_payload);
    REQUIRE(reply);
    const auto payload = carried(reply->packet);
    for (std::size_t size = 0; size <= 2 * small_payload; ++size) {
        if (size == small_payload) continue;
        auto bytes = payload;
        bytes.resize(size);
        const auto read = recover(made.recovery, bytes);
        REQUIRE_FALSE(read);
        CHECK(read.error() == (size < payload_size_min ? Error::bad_length : Error::bad_payload));
    }
    for (std::size_t bit = 0; bit < 8 * small_payload; ++bit) {
        auto bytes = payload;
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        const auto read = recover(made.recovery, bytes);
        REQUIRE_FALSE(read);
        CHECK(read.error() == Error::bad_payload);
    }
}

TEST_CASE_FIXTURE(Fixture, "a reply over one hop is read as that hop hands it on") {
    // With a single hop the owner adds one layer and removes the same one. So anyone who knows the
    // identifier can write the payload. With more hops only the holder of the last hop's seed can.
    route.resize(1);
    const auto made = surb();
    base::Bytes payload(small_payload);
    payload[payload_zeros] = 0x77;
    payload[payload_zeros + 1] = 0x01;
    const auto read = recover(made.recovery, payload);
    REQUIRE(read);
    CHECK(*read == base::Bytes{0x77});
}

TEST_CASE_FIXTURE(Fixture, "a route without hops, with six, or an identifier of zeros") {
    const auto drawn = HeaderRandomness::draw(random);
    const auto identifier = random.id<base::SurbId>();
    const auto error_of = [&](std::span<const Hop> hops, const base::SurbId& id) {
        const auto made = make_surb(hops, {}, id, drawn);
        REQUIRE_FALSE(made);
        return made.error();
    };
    const std::vector<Hop> six(6, route[0]);
    CHECK(error_of({}, identifier) == Error::bad_route);
    CHECK(error_of(six, identifier) == Error::bad_route);
    CHECK(error_of(route, {}) == Error::zero_identifier);
}

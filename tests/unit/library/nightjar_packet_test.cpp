// The C interface: what a mistake of the caller gets, and that it leaves the caller's memory alone.
// tests/system/library_test.py runs the check vectors through it.
#include "sphinx/library/nightjar_packet.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::size_t small_payload = 64;
constexpr std::size_t small_packet = NIGHTJAR_HEADER_SIZE + small_payload;
const Bytes message{'h', 'e', 'l', 'l', 'o'};

/// A route over new relays, and what a packet on it needs.
struct Route {
    explicit Route(std::size_t size) : keys(size), hops(size) {
        for (std::size_t i = 0; i < size; ++i) {
            REQUIRE(nightjar_key_generate(&keys[i]) == NIGHTJAR_OK);
            REQUIRE(nightjar_key_public(keys[i], hops[i].key) == NIGHTJAR_OK);
            hops[i].address[0] = static_cast<std::uint8_t>(i + 1);
            hops[i].delay_ns = 1000 + i;
        }
        destination.fill(7);
        identifier.fill(9);
    }
    Route(const Route&) = delete;
    Route& operator=(const Route&) = delete;
    ~Route() {
        for (auto* key : keys)
            nightjar_key_free(key);
    }

    nightjar_error build(Bytes& packet, std::uint16_t version = 260) {
        return nightjar_packet_build(version, hops.data(), hops.size(), destination.data(),
                                     identifier.data(), message.data(), message.size(), nullptr,
                                     packet.data(), packet.size());
    }
    nightjar_error surb(std::uint8_t* out, nightjar_recovery** recovery) {
        return nightjar_surb_make(hops.data(), hops.size(), destination.data(), identifier.data(),
                                  nullptr, out, recovery);
    }
    /// Carries a packet over all hops; returns what the last one reads.
    nightjar_opened carry(Bytes& packet) {
        nightjar_opened opened{};
        for (std::size_t i = 0; i < keys.size(); ++i) {
            CHECK(nightjar_packet_unwrap(keys[i], packet.data(), packet.size(), packet.size(),
                                         &opened) == NIGHTJAR_OK);
            CHECK(opened.is_final == (i + 1 == keys.size()));
            if (opened.is_final) break;
            CHECK(std::ranges::equal(opened.next, hops[i + 1].address));
            CHECK(opened.delay_ns == hops[i].delay_ns);
        }
        return opened;
    }

    std::vector<nightjar_key*> keys;
    std::vector<nightjar_hop> hops;
    std::array<std::uint8_t, NIGHTJAR_DESTINATION_SIZE> destination{};
    std::array<std::uint8_t, NIGHTJAR_IDENTIFIER_SIZE> identifier{};
};

}  // namespace

TEST_CASE("library: a packet and a reply come through") {
    for (std::size_t size = 1; size <= NIGHTJAR_MAX_HOPS; ++size) {
        CAPTURE(size);
        Route route{size};
        Bytes packet(small_packet);
        REQUIRE(route.build(packet) == NIGHTJAR_OK);
        const auto opened = route.carry(packet);
        CHECK(std::ranges::equal(opened.destination, route.destination));
        CHECK(std::ranges::equal(opened.identifier, route.identifier));
        const std::uint8_t* read = nullptr;
        std::size_t read_size = 0;
        REQUIRE(nightjar_message_read(packet.data() + NIGHTJAR_HEADER_SIZE, small_payload, &read,
                                      &read_size) == NIGHTJAR_OK);
        CHECK(Bytes(read, read + read_size) == message);

        Bytes surb(NIGHTJAR_SURB_SIZE);
        nightjar_recovery* recovery = nullptr;
        REQUIRE(route.surb(surb.data(), &recovery) == NIGHTJAR_OK);
        nightjar_surb* held = nullptr;
        REQUIRE(nightjar_surb_hold(surb.data(), surb.size(), &held) == NIGHTJAR_OK);
        std::array<std::uint8_t, NIGHTJAR_ADDRESS_SIZE> first{};
        REQUIRE(nightjar_surb_use(held, message.data(), message.size(), packet.data(),
                                  packet.size(), first.data()) == NIGHTJAR_OK);
        CHECK(std::ranges::equal(first, route.hops[0].address));
        route.carry(packet);

        // The owner may have kept it in a file meanwhile.
        Bytes saved(NIGHTJAR_RECOVERY_SIZE_MAX);
        std::size_t saved_size = 0;
        CHECK(nightjar_recovery_save(recovery, saved.data(), saved.size(), &saved_size) ==
              NIGHTJAR_OK);
        CHECK(saved_size == 16 + 16 * size);
        nightjar_recovery* loaded = nullptr;
        REQUIRE(nightjar_recovery_load(saved.data(), saved_size, &loaded) == NIGHTJAR_OK);
        for (const auto* each : {recovery, loaded}) {
            Bytes answer(message.size());
            std::size_t answer_size = 0;
            CHECK(nightjar_recovery_read(each, packet.data() + NIGHTJAR_HEADER_SIZE, small_payload,
                                         answer.data(), answer.size(),
                                         &answer_size) == NIGHTJAR_OK);
            CHECK(answer == message);
        }
        nightjar_recovery_free(recovery);
        nightjar_recovery_free(loaded);
        nightjar_surb_free(held);
    }
}

TEST_CASE("library: a SURB is used once, and a mistake does not use it") {
    Route route{3};
    Bytes surb(NIGHTJAR_SURB_SIZE), packet(small_packet, 5);
    nightjar_recovery* recovery = nullptr;
    REQUIRE(route.surb(surb.data(), &recovery) == NIGHTJAR_OK);
    nightjar_surb* held = nullptr;
    CHECK(nightjar_surb_hold(surb.data(), surb.size() - 1, &held) == NIGHTJAR_BAD_LENGTH);
    CHECK(held == nullptr);
    REQUIRE(nightjar_surb_hold(surb.data(), surb.size(), &held) == NIGHTJAR_OK);
    std::array<std::uint8_t, NIGHTJAR_ADDRESS_SIZE> first{};
    const auto use = [&](std::size_t size) {
        return nightjar_surb_use(held, message.data(), message.size(), packet.data(), size,
                                 first.data());
    };
    for (const std::size_t size : {0UL, NIGHTJAR_HEADER_SIZE - 1UL, NIGHTJAR_HEADER_SIZE + 32UL})
        CHECK(use(size) == NIGHTJAR_BAD_LENGTH);
    CHECK(use(small_packet) == NIGHTJAR_OK);
    packet.assign(small_packet, 5);
    CHECK(use(small_packet) == NIGHTJAR_SURB_SPENT);
    CHECK(packet == Bytes(small_packet, 5));
    nightjar_surb_free(held);
    nightjar_recovery_free(recovery);
}

TEST_CASE("library: a packet that cannot be built or opened has its own error") {
    Route route{3};
    Bytes packet(small_packet, 5);
    CHECK(route.build(packet, 258) == NIGHTJAR_BAD_VERSION);
    CHECK(route.build(packet, 261) == NIGHTJAR_BAD_VERSION);
    for (const std::size_t hops : {0UL, NIGHTJAR_MAX_HOPS + 1UL}) {
        CHECK(nightjar_packet_build(260, route.hops.data(), hops, route.destination.data(),
                                    route.identifier.data(), nullptr, 0, nullptr, packet.data(),
                                    packet.size()) == NIGHTJAR_BAD_ROUTE);
        nightjar_recovery* recovery = nullptr;
        Bytes surb(NIGHTJAR_SURB_SIZE);
        CHECK(nightjar_surb_make(route.hops.data(), hops, route.destination.data(),
                                 route.identifier.data(), nullptr, surb.data(),
                                 &recovery) == NIGHTJAR_BAD_ROUTE);
        CHECK(recovery == nullptr);
    }
    Bytes shorter(NIGHTJAR_HEADER_SIZE - 1, 5);
    CHECK(route.build(shorter) == NIGHTJAR_BAD_LENGTH);
    for (const std::size_t size :
         {std::size_t{NIGHTJAR_HEADER_SIZE + NIGHTJAR_PAYLOAD_SIZE_MAX + 1}, SIZE_MAX})
        CHECK(nightjar_packet_build(260, route.hops.data(), 3, route.destination.data(),
                                    route.identifier.data(), nullptr, 0, nullptr, packet.data(),
                                    size) == NIGHTJAR_BAD_LENGTH);
    CHECK(packet == Bytes(small_packet, 5));

    REQUIRE(route.build(packet) == NIGHTJAR_OK);
    nightjar_opened opened{};
    opened.delay_ns = 77;
    auto copy = packet;
    CHECK(nightjar_packet_unwrap(route.keys[1], copy.data(), copy.size(), copy.size(), &opened) ==
          NIGHTJAR_MAC_MISMATCH);
    CHECK(copy == Bytes(small_packet, 0));
    copy = packet;
    CHECK(nightjar_packet_unwrap(route.keys[0], copy.data(), copy.size(), NIGHTJAR_PACKET_SIZE,
                                 &opened) == NIGHTJAR_BAD_LENGTH);
    CHECK(opened.delay_ns == 77);

    route.identifier.fill(0);
    nightjar_recovery* recovery = nullptr;
    Bytes surb(NIGHTJAR_SURB_SIZE, 5);
    CHECK(route.surb(surb.data(), &recovery) == NIGHTJAR_ZERO_IDENTIFIER);
    CHECK(surb == Bytes(NIGHTJAR_SURB_SIZE, 5));
}

TEST_CASE("library: many packets in one call are unwrapped as one by one, each with its error") {
    constexpr std::size_t count = 19;  // more than one block of lanes, and a part of another
    Route route{3}, other{1};
    std::vector<Bytes> one(count, Bytes(small_packet)), many;
    for (auto& packet : one)
        REQUIRE(route.build(packet) == NIGHTJAR_OK);
    one[3][40] ^= 1;
    one[7].resize(small_packet - 1);
    one[8].back() ^= 1;  // of the payload: this hop does not see it
    many = one;
    std::vector<nightjar_unwrap_job> jobs(count);
    for (std::size_t i = 0; i < count; ++i)
        jobs[i] = {i == 11 ? other.keys[0] : route.keys[0],
                   many[i].data(),
                   many[i].size(),
                   NIGHTJAR_INTERNAL,
                   {}};
    REQUIRE(nightjar_packet_unwrap_many(jobs.data(), count, small_packet) == NIGHTJAR_OK);
    for (std::size_t i = 0; i < count; ++i) {
        CAPTURE(i);
        nightjar_opened opened{};
        const auto error = nightjar_packet_unwrap(jobs[i].key, one[i].data(), one[i].size(),
                                                  small_packet, &opened);
        CHECK(jobs[i].error == error);
        CHECK((error == NIGHTJAR_OK) == (i != 3 && i != 7 && i != 11));
        CHECK(many[i] == one[i]);
        CHECK(std::ranges::equal(jobs[i].opened.replay_tag, opened.replay_tag));
        CHECK(std::ranges::equal(jobs[i].opened.next, opened.next));
        CHECK(jobs[i].opened.delay_ns == opened.delay_ns);
    }
    CHECK(nightjar_packet_unwrap_many(nullptr, 0, small_packet) == NIGHTJAR_OK);
    CHECK(nightjar_packet_unwrap_many(nullptr, 1, small_packet) == NIGHTJAR_BAD_ARGUMENT);
    // A mistake in one job, and none is changed.
    const auto before = many;
    for (const bool no_key : {true, false}) {
        auto wrong = jobs;
        if (no_key)
            wrong[18].key = nullptr;
        else
            wrong[18].packet = nullptr;
        CHECK(nightjar_packet_unwrap_many(wrong.data(), count, small_packet) ==
              NIGHTJAR_BAD_ARGUMENT);
        CHECK(many == before);
    }
}

TEST_CASE("library: many packets in one call are built as one by one, each with its error") {
    constexpr std::size_t count = 19;
    Route route{3}, longest{NIGHTJAR_MAX_HOPS};
    auto refused = longest.hops;
    std::fill(std::begin(refused[2].key), std::end(refused[2].key), std::uint8_t{0});
    std::vector<nightjar_randomness> drawn(count);
    std::vector<Bytes> packets(count, Bytes(small_packet, 5)), messages(count);
    std::vector<nightjar_build_job> jobs(count);
    for (std::size_t i = 0; i < count; ++i) {
        drawn[i].initial_secret[0] = static_cast<std::uint8_t>(i);
        messages[i].assign(i, static_cast<std::uint8_t>(i));
        const auto& way = i % 2 == 0 ? route : longest;
        jobs[i] = {260,
                   way.hops.data(),
                   way.hops.size(),
                   way.destination.data(),
                   way.identifier.data(),
                   messages[i].data(),
                   messages[i].size(),
                   &drawn[i],
                   packets[i].data(),
                   NIGHTJAR_INTERNAL};
    }
    jobs[3].version = 258;
    jobs[4].version = 259;
    jobs[7].hops = 0;
    messages[8].resize(small_payload - NIGHTJAR_PAYLOAD_OVERHEAD + 1);
    jobs[8].message = messages[8].data();
    jobs[8].message_size = messages[8].size();
    jobs[11].route = refused.data();
    REQUIRE(nightjar_packet_build_many(jobs.data(), count, small_packet) == NIGHTJAR_OK);
    for (std::size_t i = 0; i < count; ++i) {
        CAPTURE(i);
        Bytes one(small_packet, 5);
        const auto& job = jobs[i];
        const auto error = nightjar_packet_build(job.version, job.route, job.hops, job.destination,
                                                 job.identifier, job.message, job.message_size,
                                                 job.randomness, one.data(), one.size());
        CHECK(job.error == error);
        CHECK((error == NIGHTJAR_OK) == (i != 3 && i != 7 && i != 8 && i != 11));
        CHECK(packets[i] == one);
    }
    CHECK(jobs[11].error == NIGHTJAR_LOW_ORDER);

    // Without values of the caller's each packet has its own.
    jobs[0].randomness = jobs[2].randomness = nullptr;
    jobs[2].message = jobs[0].message;
    jobs[2].message_size = jobs[0].message_size;
    REQUIRE(nightjar_packet_build_many(jobs.data(), 3, small_packet) == NIGHTJAR_OK);
    CHECK(packets[0] != packets[2]);
    CHECK(std::ranges::equal(route.carry(packets[0]).identifier, route.identifier));
    CHECK(nightjar_packet_build_many(nullptr, 0, small_packet) == NIGHTJAR_OK);
    CHECK(nightjar_packet_build_many(nullptr, 1, small_packet) == NIGHTJAR_BAD_ARGUMENT);
    CHECK(nightjar_packet_build_many(jobs.data(), 1, NIGHTJAR_HEADER_SIZE - 1) == NIGHTJAR_OK);
    CHECK(jobs[0].error == NIGHTJAR_BAD_LENGTH);

    // A mistake in one job, and none is changed.
    const auto before = packets;
    for (int mistake = 0; mistake < 5; ++mistake) {
        CAPTURE(mistake);
        auto wrong = jobs;
        if (mistake == 0) wrong[18].route = nullptr;
        if (mistake == 1) wrong[18].destination = nullptr;
        if (mistake == 2) wrong[18].identifier = nullptr;
        if (mistake == 3) wrong[18].message = nullptr;
        if (mistake == 4) wrong[18].packet = nullptr;
        CHECK(nightjar_packet_build_many(wrong.data(), count, small_packet) ==
              NIGHTJAR_BAD_ARGUMENT);
        CHECK(packets == before);
        CHECK(wrong[0].error == NIGHTJAR_BAD_LENGTH);
    }
}

TEST_CASE("library: a buffer that is too small says how much is needed") {
    Route route{2};
    Bytes surb(NIGHTJAR_SURB_SIZE), packet(small_packet);
    nightjar_recovery* recovery = nullptr;
    REQUIRE(route.surb(surb.data(), &recovery) == NIGHTJAR_OK);
    nightjar_surb* held = nullptr;
    REQUIRE(nightjar_surb_hold(surb.data(), surb.size(), &held) == NIGHTJAR_OK);
    std::array<std::uint8_t, NIGHTJAR_ADDRESS_SIZE> first{};
    REQUIRE(nightjar_surb_use(held, message.data(), message.size(), packet.data(), packet.size(),
                              first.data()) == NIGHTJAR_OK);
    route.carry(packet);
    Bytes answer(message.size() - 1, 5);
    std::size_t size = 0;
    CHECK(nightjar_recovery_read(recovery, packet.data() + NIGHTJAR_HEADER_SIZE, small_payload,
                                 answer.data(), answer.size(), &size) == NIGHTJAR_SMALL_BUFFER);
    CHECK(size == message.size());
    CHECK(answer == Bytes(message.size() - 1, 5));
    Bytes saved(47, 5);
    CHECK(nightjar_recovery_save(recovery, saved.data(), saved.size(), &size) ==
          NIGHTJAR_SMALL_BUFFER);
    CHECK(size == 48);
    CHECK(saved == Bytes(47, 5));
    nightjar_surb_free(held);
    nightjar_recovery_free(recovery);
}

TEST_CASE("library: a recovery is loaded from 2 to 6 times 16 bytes, nothing else") {
    const Bytes bytes(2 * NIGHTJAR_RECOVERY_SIZE_MAX, 1);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        CAPTURE(size);
        nightjar_recovery* recovery = nullptr;
        const bool right = size >= 32 && size <= NIGHTJAR_RECOVERY_SIZE_MAX && size % 16 == 0;
        CHECK(nightjar_recovery_load(bytes.data(), size, &recovery) ==
              (right ? NIGHTJAR_OK : NIGHTJAR_BAD_LENGTH));
        CHECK((recovery != nullptr) == right);
        nightjar_recovery_free(recovery);
    }
}

TEST_CASE("library: NULL is an error, not a crash") {
    Route route{1};
    Bytes bytes(NIGHTJAR_PACKET_SIZE);
    auto* out = bytes.data();
    const auto* hop = route.hops.data();
    auto* key = route.keys[0];
    const auto *to = route.destination.data(), *id = route.identifier.data();
    nightjar_opened opened{};
    nightjar_key* made = nullptr;
    nightjar_recovery* recovery = nullptr;
    nightjar_surb* held = nullptr;
    const std::uint8_t* read = nullptr;
    std::size_t size = 0;
    REQUIRE(route.surb(out, &recovery) == NIGHTJAR_OK);
    REQUIRE(nightjar_surb_hold(out, NIGHTJAR_SURB_SIZE, &held) == NIGHTJAR_OK);
    const auto build = [&](auto* hops, auto* end, auto* name, auto* text, auto* packet) {
        return nightjar_packet_build(260, hops, 1, end, name, text, 1, nullptr, packet,
                                     NIGHTJAR_PACKET_SIZE);
    };
    constexpr const nightjar_hop* no_hop = nullptr;
    constexpr const std::uint8_t* none = nullptr;
    constexpr std::uint8_t* nowhere = nullptr;
    const auto surb = [&](auto* hops, auto* end, auto* name, auto* to_bytes, auto** keep) {
        return nightjar_surb_make(hops, 1, end, name, nullptr, to_bytes, keep);
    };
    constexpr nightjar_recovery** no_recovery = nullptr;
    const std::vector<nightjar_error> refused{
        nightjar_key_generate(nullptr),
        nightjar_key_from(nullptr, &made),
        nightjar_key_from(to, nullptr),
        nightjar_key_secret(nullptr, out),
        nightjar_key_secret(key, nullptr),
        nightjar_key_public(nullptr, out),
        nightjar_key_public(key, nullptr),
        build(no_hop, to, id, to, out),
        build(hop, none, id, to, out),
        build(hop, to, none, to, out),
        build(hop, to, id, none, out),
        build(hop, to, id, to, nowhere),
        nightjar_packet_unwrap(nullptr, out, small_packet, small_packet, &opened),
        nightjar_packet_unwrap(key, nullptr, small_packet, small_packet, &opened),
        nightjar_packet_unwrap(key, out, small_packet, small_packet, nullptr),
        nightjar_message_read(nullptr, small_payload, &read, &size),
        nightjar_message_read(out, small_payload, nullptr, &size),
        nightjar_message_read(out, small_payload, &read, nullptr),
        surb(no_hop, to, id, out, &recovery),
        surb(hop, none, id, out, &recovery),
        surb(hop, to, none, out, &recovery),
        surb(hop, to, id, nowhere, &recovery),
        surb(hop, to, id, out, no_recovery),
        nightjar_surb_hold(nullptr, NIGHTJAR_SURB_SIZE, &held),
        nightjar_surb_hold(out, NIGHTJAR_SURB_SIZE, nullptr),
        nightjar_surb_use(nullptr, to, 1, out, small_packet, out),
        nightjar_surb_use(held, nullptr, 1, out, small_packet, out),
        nightjar_surb_use(held, to, 1, nullptr, small_packet, out),
        nightjar_surb_use(held, to, 1, out, small_packet, nullptr),
        nightjar_recovery_read(nullptr, out, small_payload, out, 64, &size),
        nightjar_recovery_read(recovery, nullptr, small_payload, out, 64, &size),
        nightjar_recovery_read(recovery, out, small_payload, nullptr, 64, &size),
        nightjar_recovery_read(recovery, out, small_payload, out, 64, nullptr),
        nightjar_recovery_save(nullptr, out, 96, &size),
        nightjar_recovery_save(recovery, nullptr, 96, &size),
        nightjar_recovery_save(recovery, out, 96, nullptr),
        nightjar_recovery_load(nullptr, 32, &recovery),
        nightjar_recovery_load(out, 32, nullptr),
    };
    for (std::size_t i = 0; i < refused.size(); ++i) {
        CAPTURE(i);
        CHECK(refused[i] == NIGHTJAR_BAD_ARGUMENT);
    }
    nightjar_surb_free(held);
    nightjar_recovery_free(recovery);
    nightjar_key_free(nullptr);
    nightjar_surb_free(nullptr);
    nightjar_recovery_free(nullptr);
}

TEST_CASE("library: every error has a name, and no number ends the program") {
    for (int i = -1; i < 110; ++i) {
        const std::string name = nightjar_error_name(i);
        const bool known = (i >= 0 && i <= NIGHTJAR_SURB_SPENT) ||
                           (i >= NIGHTJAR_BAD_ARGUMENT && i <= NIGHTJAR_INTERNAL);
        CHECK((name != "unknown") == known);
    }
    CHECK(std::string{nightjar_error_name(NIGHTJAR_OK)} == "ok");
    CHECK(std::string{nightjar_error_name(NIGHTJAR_MAC_MISMATCH)} == "mac_mismatch");
    CHECK(std::string{nightjar_error_name(NIGHTJAR_SURB_SPENT)} == "surb_spent");
}

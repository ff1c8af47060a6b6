#include "relay/core/keyring.hpp"

#include <doctest/doctest.h>

#include <list>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/parameters.hpp"

using namespace nightjar;
using namespace std::chrono_literals;

namespace {

constexpr base::Seconds epoch_length{900};
constexpr base::Nanoseconds grace = 3500ms;

struct Owned final : relay::core::ReplayFilter {
    explicit Owned(base::Bytes& bytes) : relay::core::ReplayFilter{bytes} {}
};

struct Ring {
    relay::core::Keyring keyring{epoch_length, grace};
    std::list<base::Bytes> memory;

    void add(std::uint32_t epoch, std::size_t bytes = 64) {
        auto key = std::make_shared<relay::core::MixKeyPair>();
        key->epoch = {epoch};
        keyring.add(key, std::make_unique<Owned>(memory.emplace_back(bytes)));
    }
};

base::Wall at(std::uint32_t epoch) {
    return directory::epoch_start({epoch}, epoch_length);
}

}  // namespace

TEST_CASE("keyring: a key is accepted from 75 s before its epoch until the grace after it") {
    Ring ring;
    ring.add(1000);
    struct Case {
        const char* when;
        base::Wall now;
        bool accepted;
    };
    const Case cases[] = {
        {"long before", at(999), false},
        {"1 ms before its time", at(1000) - 75s - 1ms, false},
        {"75 s before its epoch", at(1000) - 75s, true},
        {"as its epoch begins", at(1000), true},
        {"as its epoch ends", at(1001) - 1ms, true},
        {"as the next begins", at(1001), true},
        {"at the end of the grace", at(1001) + 3500ms - 1ms, true},
        {"when the grace is over", at(1001) + 3500ms, false},
        {"an epoch later", at(1002), false},
    };
    for (const auto& c : cases) {
        CAPTURE(c.when);
        CHECK((ring.keyring.find(base::Epoch{1000}.low_byte(), c.now) != nullptr) == c.accepted);
    }
}

TEST_CASE("keyring: in an epoch of a minute a key is accepted from 37.5 s before it") {
    relay::core::Keyring keyring{60s, grace};
    base::Bytes memory(64);
    auto key = std::make_shared<relay::core::MixKeyPair>();
    key->epoch = {1000};
    keyring.add(key, std::make_unique<Owned>(memory));
    const auto begin = directory::epoch_start({1000}, 60s);
    const auto byte = base::Epoch{1000}.low_byte();
    CHECK_FALSE(keyring.find(byte, begin - 37'501ms));
    CHECK(keyring.find(byte, begin - 37'500ms));
    CHECK(keyring.find(byte, begin + 63'500ms - 1ms));
    CHECK_FALSE(keyring.find(byte, begin + 63'500ms));
}

TEST_CASE("keyring: a longer grace holds for the keys that are here, and none is shortened") {
    Ring ring;
    ring.add(1000);
    const auto byte = base::Epoch{1000}.low_byte();
    ring.keyring.lengthen(5s);
    CHECK(ring.keyring.find(byte, at(1001) + 5s - 1ms));
    ring.keyring.lengthen(2s);
    CHECK(ring.keyring.find(byte, at(1001) + 5s - 1ms));
    CHECK(ring.keyring.forget(at(1001) + 5s - 1ms).empty());
    CHECK_FALSE(ring.keyring.find(byte, at(1001) + 5s));
}

TEST_CASE("keyring: the byte picks one key, the one that is in its time") {
    Ring ring;
    for (const auto epoch : {1000u, 1001u, 1256u})
        ring.add(epoch);
    CHECK(ring.keyring.find(base::Epoch{1000}.low_byte(), at(1000) + 1s)->epoch.value == 1000);
    CHECK(ring.keyring.find(base::Epoch{1001}.low_byte(), at(1001) - 30s)->epoch.value == 1001);
    CHECK(ring.keyring.find(base::Epoch{1000}.low_byte(), at(1001) - 30s)->epoch.value == 1000);
    // Epochs 1000 and 1256 share their low byte, but only one of them is valid at a time.
    CHECK(ring.keyring.find(base::Epoch{1256}.low_byte(), at(1000) + 1s)->epoch.value == 1000);
    CHECK(ring.keyring.find(base::Epoch{1000}.low_byte(), at(1256) + 1s)->epoch.value == 1256);
    for (const int byte : {0, 255, 77})
        CHECK_FALSE(ring.keyring.find(static_cast<std::uint8_t>(byte), at(1000) + 1s));
}

TEST_CASE("keyring: forgetting drops key and filter together, by time alone") {
    Ring ring;
    for (const auto epoch : {999u, 1000u, 1001u})
        ring.add(epoch);
    CHECK(ring.keyring.forget(at(1000) + 3500ms - 1ms).empty());
    CHECK(ring.keyring.filter({999}) != nullptr);
    CHECK(ring.keyring.forget(at(1000) + 3500ms) == std::vector<base::Epoch>{{999}});
    CHECK(ring.keyring.filter({999}) == nullptr);
    CHECK(ring.keyring.filter({1000}) != nullptr);
    CHECK(ring.keyring.epochs() == std::vector<base::Epoch>{{1000}, {1001}});
    // A clock jump of a day ahead ends all keys. A jump back does not restore them.
    CHECK(ring.keyring.forget(at(1000) + 24h).size() == 2);
    CHECK_FALSE(ring.keyring.find(base::Epoch{1000}.low_byte(), at(1000)));
}

TEST_CASE("keyring: a worker's key outlives its place in the ring") {
    Ring ring;
    ring.add(1000);
    const auto held = ring.keyring.find(base::Epoch{1000}.low_byte(), at(1000));
    REQUIRE(held);
    CHECK(ring.keyring.forget(at(1002)).size() == 1);
    CHECK(held.use_count() == 1);
    CHECK(held->epoch.value == 1000);
}

TEST_CASE("keyring: a key that is there keeps the filter that knows what it has seen") {
    Ring ring;
    ring.add(1000);
    const auto* filter = ring.keyring.filter({1000});
    const auto key = ring.keyring.find(base::Epoch{1000}.low_byte(), at(1000));
    ring.add(1000);
    CHECK(ring.keyring.filter({1000}) == filter);
    CHECK(ring.keyring.find(base::Epoch{1000}.low_byte(), at(1000)) == key);
}

TEST_CASE("keyring: it knows when a filter is full, or takes more than it is made for") {
    Ring ring;
    ring.add(1000);
    ring.add(1001, 6400);  // made for 1,400 tags
    base::SeededRandom random{1};
    auto& seen = *ring.keyring.filter({1001});
    const auto fill = [&](std::uint64_t tags) {
        while (seen.tags() < tags)
            seen.insert(random.id<packet::ReplayTag>());
    };
    CHECK_FALSE(ring.keyring.filter_full(1));
    fill(999);
    CHECK_FALSE(ring.keyring.filter_full(1'000));
    fill(1'000);
    CHECK(ring.keyring.filter_full(1'000));
    CHECK_FALSE(ring.keyring.filter_full(10'000));
    fill(1'750);
    CHECK_FALSE(ring.keyring.filter_full(10'000));
    fill(1'751);  // a quarter more than its last part is made for
    CHECK(ring.keyring.filter_full(10'000));
    ring.keyring.drop({1001});
    CHECK_FALSE(ring.keyring.filter_full(1));
}

#include "relay/core/surb_stock.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace nightjar;
using relay::core::SurbStock;

namespace {

constexpr base::Wall start{base::Seconds{3600 * 1000}};  // of an epoch

/// The low byte of the epoch `ahead` of the one that begins at `start`.
std::uint8_t epoch(int ahead = 0) {
    return static_cast<std::uint8_t>(1000 + ahead);
}

struct Fixture {
    /// Pushes a SURB that begins with its number; the first has number 1.
    void push(std::size_t capacity = 1000, std::uint8_t epoch_low_byte = epoch()) {
        base::Bytes surb(packet::surb_size, 0xa5);
        surb[0] = ++pushed;
        surb.back() = pushed;
        stock.push(surb, epoch_low_byte, capacity);
    }
    /// The number of the SURB that it takes; 0: none.
    unsigned pop(base::Wall wall = start) {
        const auto surb = stock.pop_usable(parameters, wall);
        if (!surb) return 0;
        CHECK(surb->bytes.data()[1] == 0xa5);
        CHECK(surb->bytes.data()[packet::surb_size - 1] == surb->bytes.data()[0]);
        return surb->bytes.data()[0];
    }

    directory::Parameters parameters;
    SurbStock stock;
    std::uint8_t pushed = 0;
};

}  // namespace

TEST_CASE("surb stock: the oldest goes first, whole and with its epoch") {
    Fixture f;
    CHECK(f.pop() == 0);
    for (int i = 0; i < 40; ++i)
        f.push();
    CHECK(f.stock.size() == 40);
    for (unsigned expected = 1; expected <= 40; ++expected)
        CHECK(f.pop() == expected);
    CHECK(f.pop() == 0);
    f.push(1000, epoch(1));
    const auto next = f.stock.pop_usable(f.parameters, start + base::Seconds{3590});
    REQUIRE(next.has_value());
    CHECK(next->epoch == epoch(1));
}

TEST_CASE("surb stock: a full one drops its oldest, and takes no room beyond its capacity") {
    Fixture f;
    for (int i = 0; i < 9; ++i) {
        f.push(7);
        CHECK(f.stock.bytes() <= 7 * sizeof(relay::core::StoredSurb));
    }
    CHECK(f.stock.size() == 7);
    CHECK(f.pop() == 3);
    // A smaller capacity drops none by itself: each SURB that comes replaces the oldest.
    f.push(2);
    CHECK(f.stock.size() == 6);
    CHECK(f.pop() == 5);
}

TEST_CASE("surb stock: unusable ones before the first usable are dropped") {
    Fixture f;
    for (const int ahead : {-2, -1, 0, 5, 0})
        f.push(1000, epoch(ahead));
    CHECK(f.pop(start + base::Seconds{1800}) == 3);
    CHECK(f.stock.size() == 2);
    CHECK(f.pop(start + base::Seconds{1800}) == 5);
    f.push(1000, epoch(-1));
    f.push(1000, epoch(2));
    CHECK(f.pop(start + base::Seconds{1800}) == 0);
    CHECK(f.stock.size() == 0);
}

TEST_CASE("surb stock: an epoch's SURBs are usable from 75 s before it to the last reply in time") {
    const directory::Parameters parameters;
    const auto grace = parameters.key_grace() - 4 * parameters.delay_cap();
    REQUIRE(grace == base::Milliseconds{16'500});
    const auto usable = [&](int ahead, base::Milliseconds at) {
        return relay::core::surb_usable(epoch(ahead), parameters, start + at);
    };
    const base::Milliseconds ms{1};
    const base::Milliseconds hour = base::Seconds{3600};
    CHECK(usable(0, 0 * ms));
    CHECK(usable(0, hour - ms));
    CHECK(usable(-1, 16'499 * ms));
    CHECK_FALSE(usable(-1, 16'500 * ms));
    CHECK_FALSE(usable(-2, 0 * ms));
    CHECK(usable(1, hour - base::Seconds{75}));
    CHECK_FALSE(usable(1, hour - base::Seconds{75} - ms));
    CHECK_FALSE(usable(2, hour - ms));
    // The low byte wraps from 255 to 0: 1000 + 24 is 4 * 256.
    CHECK(relay::core::surb_usable(0, parameters, start + 24 * hour - ms));
    CHECK(relay::core::surb_usable(255, parameters, start + 24 * hour));
}

TEST_CASE("surb stock: in an epoch of a minute SURBs are usable from 37.5 s before it") {
    directory::Parameters parameters;
    parameters.epoch_length = base::Seconds{60};
    const auto begin = base::Wall{base::Seconds{6'000'000}};  // of epoch 100,000
    const auto usable = [&](std::uint32_t of, base::Milliseconds at) {
        return relay::core::surb_usable(base::Epoch{of}.low_byte(), parameters, begin + at);
    };
    CHECK(usable(100'001, base::Milliseconds{22'500}));
    CHECK_FALSE(usable(100'001, base::Milliseconds{22'499}));
    // Its keys are accepted for 11 s more, of which a reply may take two.
    CHECK(usable(99'999, base::Milliseconds{8'999}));
    CHECK_FALSE(usable(99'999, base::Milliseconds{9'000}));
}

TEST_CASE("surb stock: its capacity is twice the target and 64, at most the operator's limit") {
    directory::Parameters parameters;
    const auto target = parameters.surb_stock_target(parameters.replies);
    CHECK(SurbStock::capacity_for(parameters, 100'000) == 2 * target + 64);
    CHECK(SurbStock::capacity_for(parameters, 20) == 20);
    // A reply reports the stock in two bytes.
    parameters.replies = directory::Rate{100'000'000};
    CHECK(SurbStock::capacity_for(parameters, 100'000) == 65'535);
}

TEST_CASE("surb stock: its memory follows the number of SURBs, up and down") {
    Fixture f;
    const auto room = [&] { return f.stock.bytes() / sizeof(relay::core::StoredSurb); };
    CHECK(room() == 0);
    for (int i = 0; i < 200; ++i) {
        f.push();
        CHECK(room() >= f.stock.size());
        CHECK(room() <= f.stock.size() + f.stock.size() / 2 + 4);
    }
    while (f.stock.size() > 0) {
        CHECK(f.pop() > 0);
        CHECK(room() >= f.stock.size());
        CHECK(room() < 4 * (f.stock.size() + 1));
    }
    CHECK(room() < 4);
    // All that expire at once free their room over the next ticks.
    for (int i = 0; i < 200; ++i)
        f.push(1000, epoch(-2));
    for (int i = 0; i < 8; ++i)
        CHECK(f.pop() == 0);
    CHECK(room() < 4);
}

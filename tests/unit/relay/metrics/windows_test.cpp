#include "relay/metrics/windows.hpp"

#include <doctest/doctest.h>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/parameters.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::metrics;
using base::Seconds;

namespace {

constexpr Seconds hour{3600};
constexpr base::Wall noon{Seconds{1'800'000'000}};  // the start of an hour

Totals packets(std::uint64_t count) {
    Totals totals;
    totals.packets_in = count;
    return totals;
}

/// A relay's windows, with 500 packets a second.
struct Relay {
    base::SeededRandom random{1};
    Windows windows;
    std::uint64_t per_second = 500;
    base::Wall started;

    explicit Relay(base::Wall now, Terms terms = {hour, 500}) : windows{terms, now}, started{now} {}
    void look(base::Wall now) {
        const auto since = std::chrono::floor<Seconds>(now - started);
        windows.look(now, packets(per_second * static_cast<std::uint64_t>(since.count())), random);
    }
    /// Looks at the end of the current window.
    void end() { look(windows.end()); }
};

}  // namespace

TEST_CASE("metrics windows: their ends fit the epochs") {
    CHECK(aligned_window(hour, hour) == hour);
    CHECK(aligned_window(hour, 3 * hour) == hour);
    CHECK(aligned_window(Seconds{5000}, hour) == 2 * hour);
    CHECK(aligned_window(Seconds{900}, hour) == Seconds{900});
    CHECK(aligned_window(Seconds{1000}, hour) == Seconds{1200});
    CHECK(aligned_window(Seconds{3600}, Seconds{6600}) == Seconds{6600});
    CHECK(aligned_window(Seconds{10}, Seconds{600}) == Seconds{10});
    for (std::int64_t wanted = 1; wanted <= 7200; wanted += 7) {
        for (const Seconds epoch : {Seconds{600}, Seconds{6600}, hour, Seconds{7200}}) {
            const auto window = aligned_window(Seconds{wanted}, epoch);
            CHECK(window >= Seconds{wanted});
            CHECK((window % epoch == Seconds{0} || epoch % window == Seconds{0}));
            // So the start of an epoch never falls into a window, or every window begins at one.
            const auto start = directory::epoch_start({12'345}, epoch).time_since_epoch();
            if (window <= epoch) CHECK(start % window == base::Milliseconds{0});
        }
    }
}

TEST_CASE("metrics windows: the first, partial one is not published") {
    Relay relay{noon + Seconds{1000}};
    CHECK(relay.windows.end() == noon + hour);
    CHECK(!relay.windows.is_due(noon + hour - base::Milliseconds{1}));
    CHECK(relay.windows.is_due(noon + hour));
    relay.end();
    CHECK(!relay.windows.last());
    CHECK(relay.windows.end() == noon + 2 * hour);
    relay.end();
    REQUIRE(relay.windows.last());
    CHECK(relay.windows.last()->end == noon + 2 * hour);
    CHECK(relay.windows.last()->length == hour);
    CHECK(relay.windows.last()->packets_in > 1'700'000);
    CHECK(relay.windows.last()->packets_in < 1'900'000);
}

TEST_CASE("metrics windows: a process that starts at a boundary has seen no window's beginning") {
    Relay relay{noon};
    CHECK(relay.windows.end() == noon + hour);
    relay.end();
    CHECK(!relay.windows.last());
}

TEST_CASE("metrics windows: a window that the clock has cut is not published") {
    Relay relay{noon};
    relay.end();
    relay.end();
    REQUIRE(relay.windows.last());
    SUBCASE("the machine slept") {
        relay.look(noon + 5 * hour + Seconds{61});
        CHECK(relay.windows.end() == noon + 6 * hour);
    }
    SUBCASE("it was set back") {
        CHECK(relay.windows.is_due(noon + hour));
        relay.look(noon + hour);
        CHECK(relay.windows.end() == noon + 2 * hour);
    }
    CHECK(!relay.windows.last());
    relay.end();  // the partial one again
    CHECK(!relay.windows.last());
    relay.end();
    CHECK(relay.windows.last());
}

TEST_CASE("metrics windows: a look that is a little late ends the window") {
    Relay relay{noon};
    relay.end();
    relay.look(relay.windows.end() + Windows::late_max);
    REQUIRE(relay.windows.last());
    CHECK(relay.windows.last()->end == noon + 2 * hour);
}

TEST_CASE("metrics windows: a small relay gets longer windows, by what it has published") {
    const auto after = [](std::uint64_t packets_in) {
        Published last;
        last.length = hour;
        last.packets_in = packets_in;
        return next_length(last, {hour, 500});
    };
    // 20 x 6144 / 0.3 = 409,600
    CHECK(after(409'600) == hour);
    CHECK(after(409'000) == 2 * hour);
    CHECK(after(90'000) == 5 * hour);
    CHECK(after(0) == 24 * hour);
    Published day;
    day.length = 24 * hour;
    day.packets_in = 3'000'000;
    CHECK(next_length(day, {hour, 500}) == 4 * hour);
    CHECK(next_length(day, {24 * hour, 500}) == 24 * hour);
    // A lab's minute: noise and need are a sixtieth.
    Published minute;
    minute.length = Seconds{60};
    minute.packets_in = 6800;
    CHECK(next_length(minute, {Seconds{60}, 500}) == Seconds{60});
    minute.packets_in = 1;
    CHECK(next_length(minute, {Seconds{60}, 500}) == 24 * Seconds{60});

    Relay small{noon};
    small.per_second = 1;
    small.end();
    small.end();
    CHECK(small.windows.end() > noon + 4 * hour);
    small.end();
    CHECK(small.windows.last()->length > 2 * hour);
}

TEST_CASE("metrics windows: bugs and overloads advance at the end of a window only") {
    base::SeededRandom random{1};
    Windows windows{{hour, 500}, noon};
    Totals totals;
    totals.bugs = 2;
    CHECK(windows.bugs() == 0);
    windows.look(noon + hour, totals, random);
    CHECK(windows.bugs() == 2);
    CHECK(windows.overloads()[0] == base::Wall{});
    totals.overloads[1] = 1;
    windows.look(noon + 2 * hour, totals, random);
    CHECK(windows.overloads()[1] == noon + 2 * hour);
    CHECK(windows.overloads()[0] == base::Wall{});
    windows.look(noon + 3 * hour, totals, random);
    CHECK(windows.overloads()[1] == noon + 2 * hour);
}

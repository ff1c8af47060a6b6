#include "client/core/traffic_law.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

constexpr base::Mono begin{std::chrono::hours{1}};

void prepare(TrafficLaw& law, base::Mono now) {
    while (const auto slot = law.to_prepare(now))
        law.put(*slot, {std::make_unique<cell::Cell>()});
}

std::vector<base::Mono> times(std::uint64_t seed, int other_draws, std::size_t count) {
    base::SeededRandom random{seed};
    TrafficLaw law{directory::Parameters{}, random};
    law.start(begin, begin);
    std::vector<base::Mono> due;
    while (due.size() < count) {
        for (int i = 0; i < other_draws; ++i)
            random.u64();
        if (const auto slot = law.to_prepare(begin + 1h)) {
            due.push_back(slot->due);
        }
    }
    return due;
}

/// The Kolmogorov-Smirnov distance from the uniform distribution on [0, 1), times sqrt(n).
double uniform_distance(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    double worst = 0;
    const auto n = static_cast<double>(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        worst = std::max({worst, std::abs(values[i] - static_cast<double>(i) / n),
                          std::abs(static_cast<double>(i + 1) / n - values[i])});
    return worst * std::sqrt(n);
}

}  // namespace

TEST_CASE("slot times depend on the seed alone, not on what else is drawn from it") {
    CHECK(times(1, 0, 500) == times(1, 7, 500));
    CHECK(times(1, 0, 500) != times(2, 0, 500));
}

TEST_CASE("every gap has one slot, near its middle, of whichever kind") {
    base::SeededRandom random{3};
    TrafficLaw law{directory::Parameters{}, random};
    law.start(begin, begin);
    std::vector<double> places;  // each slot's place in its gap of 1/55 s
    std::vector<double> main_places, loop_places;
    while (places.size() < 44'000) {
        const auto slot = law.to_prepare(begin + 10h);
        REQUIRE(slot);
        const auto place =
            base::to_seconds(slot->due - begin) * 55 - static_cast<double>(places.size());
        places.push_back(place);
        (slot->kind == Slot::Kind::main ? main_places : loop_places).push_back(place);
    }
    // The begin of the first gap is random too, so only the width of the range of places is known.
    const auto least = *std::min_element(places.begin(), places.end());
    CHECK(*std::max_element(places.begin(), places.end()) < least + directory::jitter_share + 1e-3);
    for (auto* some : {&places, &main_places, &loop_places}) {
        for (auto& place : *some)
            place = (place - least) / directory::jitter_share;
        CHECK(uniform_distance(*some) < 1.95);  // 0.1 % of samples are above
    }
    CHECK(std::abs(static_cast<double>(loop_places.size()) - 4000) <= 1);
}

TEST_CASE("every gap of the loops has one, at a uniform moment of it") {
    base::SeededRandom random{4};
    TrafficLaw law{directory::Parameters{}, random};
    law.start(begin, begin);
    // U = 50, L = 5: one slot in 11.
    std::vector<unsigned> between;
    unsigned loops = 0, since = 0;
    for (unsigned slots = 1; slots <= 110'000; ++slots, ++since) {
        const auto slot = law.to_prepare(begin + 10h);
        REQUIRE(slot);
        if (slot->kind == Slot::Kind::loop) {
            if (++loops > 1) between.push_back(since);
            since = 0;
        }
        // The count of loops never drifts from the number of gaps of 1/L so far.
        CHECK(std::abs(static_cast<double>(loops) - slots / 11.0) < 2);
    }
    // The distance between uniform moments of neighbouring gaps is distributed like the sum of two
    // uniforms: an eighth of the distances are below half a gap, and an eighth above one and a
    // half.
    const auto n = static_cast<double>(between.size());
    const auto near = std::count_if(between.begin(), between.end(), [](auto b) { return b <= 5; });
    const auto far = std::count_if(between.begin(), between.end(), [](auto b) { return b >= 17; });
    CHECK(std::abs(static_cast<double>(near) / n - 0.125) < 0.02);
    CHECK(std::abs(static_cast<double>(far) / n - 0.125) < 0.02);
    CHECK(*std::max_element(between.begin(), between.end()) <= 22);
}

TEST_CASE("a client that connects is not more likely to begin with a loop") {
    unsigned loops = 0;
    for (std::uint64_t seed = 0; seed < 11'000; ++seed) {
        base::SeededRandom random{seed};
        TrafficLaw law{directory::Parameters{}, random};
        law.start(begin, begin);
        loops += law.to_prepare(begin + 1s)->kind == Slot::Kind::loop;
    }
    CHECK(std::abs(loops - 1000.0) < 4 * std::sqrt(1000.0));
}

TEST_CASE("the begin of the first gap does not depend on the connect time") {
    std::vector<double> first;
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        base::SeededRandom random{seed};
        TrafficLaw law{directory::Parameters{}, random};
        law.start(begin, begin);
        first.push_back(base::to_seconds(law.next_due() - begin) * 55 - 0.5);
    }
    // The phase is uniform; the slot's place in its gap changes it only a little.
    CHECK(uniform_distance(first) < 2.5);
}

TEST_CASE("slots are handed out at the law's rates, and none is lost") {
    base::SeededRandom random{3};
    TrafficLaw law{directory::Parameters{}, random};
    law.start(begin, begin);
    for (auto now = begin; now < begin + 200s; now += 1ms) {
        prepare(law, now);
        law.due(now);
    }
    const auto& counts = law.counts();
    CHECK(counts.lost == 0);
    CHECK(counts.main + counts.loops >= 10'998);
    CHECK(counts.main + counts.loops <= 11'000);
    CHECK(std::abs(static_cast<double>(counts.loops) - 1000) <= 1);
}

TEST_CASE("a caller that wakes up to 10 ms late loses no slot, however close slots are") {
    for (const std::uint32_t rate : {50'000, 2'000'000}) {
        directory::Parameters parameters;
        parameters.main_slots = {rate};
        base::SeededRandom random{8};
        TrafficLaw law{parameters, random};
        law.start(begin, begin);
        auto now = begin;
        for (int i = 0; i < 20'000; ++i) {
            prepare(law, now);
            now = law.next_due() + (i % 11) * 1ms;
            law.due(now);
        }
        CHECK(law.counts().lost == 0);
        CHECK(law.counts().main >= 18'000);
    }
}

TEST_CASE("the packet of a slot exists while the slot before it is still to come") {
    base::SeededRandom random{4};
    TrafficLaw law{directory::Parameters{}, random};
    law.start(begin, begin);
    auto now = begin;
    for (int i = 0; i < 1000; ++i) {
        std::vector<Slot> ready;
        while (const auto slot = law.to_prepare(now)) {
            ready.push_back(*slot);
            law.put(*slot, {std::make_unique<cell::Cell>()});
        }
        if (i == 0) CHECK(ready.size() >= slots_ahead);
        now = law.next_due();
        CHECK(law.due(now).size() == 1);
        // The next slot needs no preparation: its packet is there.
        const auto next = law.next_due();
        CHECK(law.due(next).size() == 1);
        now = next;
    }
    CHECK(law.counts().lost == 0);
}

TEST_CASE("packets are handed out ahead of their slots, with the slots' times") {
    base::SeededRandom random{5};
    TrafficLaw law{directory::Parameters{}, random};
    law.start(begin, begin);
    for (int i = 0; i < 200; ++i) {
        const auto due = law.next_due();
        const auto now = due - 10ms;
        prepare(law, now - 18ms);
        CHECK(law.due(now - 1ns, 10ms).empty());
        const auto packets = law.due(now, 10ms);
        REQUIRE(packets.size() == 1);
        CHECK(packets[0].cell);
        CHECK(packets[0].due == due);
        CHECK(law.next_due() > due);
    }
    CHECK(law.counts().lost == 0);
    CHECK(law.counts().main + law.counts().loops == 200);

    SUBCASE("a slot without a packet is not lost before its time") {
        law.due(law.next_due());  // the last one that has a packet
        const auto next = law.next_due();
        CHECK(law.due(next - 1ns, 10ms).empty());
        CHECK(law.counts().lost == 0);
        prepare(law, next - 1ns);
        CHECK(law.due(next - 1ns, 10ms).size() == 1);
    }
    SUBCASE("a control cell has the time of its loop's slot") {
        law.control(std::make_unique<cell::Cell>());
        while (law.counts().controls == 0) {
            prepare(law, law.next_due());
            const auto due = law.next_due();
            const auto packets = law.due(due, 10ms);
            REQUIRE_FALSE(packets.empty());
            CHECK(packets[0].due == due);
        }
    }
}

TEST_CASE("a slot that cannot be written is lost, and never made up") {
    base::SeededRandom random{5};
    TrafficLaw law{directory::Parameters{}, random};
    law.start(begin, begin);
    prepare(law, begin);
    SUBCASE("due() is a second late: only packets that are at most 25 ms late go out") {
        const auto cells = law.due(begin + 1s);
        CHECK(cells.empty());
        CHECK(law.counts().lost > 30);
        CHECK(law.counts().main == 0);
        CHECK(law.next_due() > begin + 1s);
    }
    SUBCASE("no packet could be built") {
        const auto slot = law.to_prepare(law.next_due() + 1s);
        REQUIRE(slot);
        law.put(*slot, {nullptr});
        while (law.next_due() < slot->due)
            law.due(law.next_due());
        CHECK(law.counts().lost == 0);
        CHECK(law.due(slot->due).empty());
        CHECK(law.counts().lost == 1);
    }
    SUBCASE("after a suspend of a day the schedule starts anew") {
        law.due(begin + 24h);
        CHECK(law.counts().lost < 10);
        CHECK(law.next_due() > begin + 24h);
        CHECK(law.next_due() < begin + 24h + 2s);
    }
}

TEST_CASE("a packet that has not left is reported once, whatever the reason") {
    base::SeededRandom random{5};
    TrafficLaw law{directory::Parameters{}, random};
    stream::PacketNumber last = 0;
    const auto fill = [&](base::Mono now) {
        while (const auto slot = law.to_prepare(now))
            law.put(*slot, {std::make_unique<cell::Cell>(), 7, ++last});
    };
    const auto unsent = [&] {
        std::vector<stream::PacketNumber> numbers;
        for (const auto& packet : law.take_unsent()) {
            CHECK(packet.session == 7);
            CHECK(packet.cell == nullptr);
            numbers.push_back(packet.number);
        }
        return numbers;
    };
    using Numbers = std::vector<stream::PacketNumber>;
    law.start(begin, begin);
    fill(begin);
    REQUIRE(last == 2);
    auto handed_out = law.due(law.next_due());
    REQUIRE(handed_out.size() == 1);
    REQUIRE(handed_out[0].cell);
    CHECK(unsent().empty());
    law.due(law.next_due() + slot_late_max + 1ms);
    CHECK(unsent() == Numbers{2});
    law.unwritten(
        std::move(handed_out[0]));  // the link's queue was full; a later due() is no matter
    CHECK(unsent() == Numbers{1});
    fill(law.next_due());
    law.stop();  // the link has ended
    CHECK(unsent().front() == 3);
    CHECK(unsent().empty());
}

TEST_CASE("a stopped law has no slots") {
    base::SeededRandom random{6};
    TrafficLaw law{directory::Parameters{}, random};
    CHECK(law.next_due() == base::Mono::max());
    law.start(begin, begin);
    prepare(law, begin);
    law.stop();
    CHECK_FALSE(law.to_prepare(begin + 1s));
    CHECK(law.due(begin + 1h).empty());
    CHECK(law.next_due() == base::Mono::max());
}

TEST_CASE("newer rates apply after the slots that have their packets") {
    base::SeededRandom random{8};
    directory::Parameters parameters;
    TrafficLaw law{parameters, random};
    law.start(begin, begin);
    prepare(law, begin);
    const auto next = law.next_due();
    parameters.main_slots = {500'000};
    law.use(parameters, begin);
    CHECK(law.next_due() == next);
    for (auto now = begin; now < begin + 20s; now += 1ms) {
        law.due(now);
        prepare(law, now);
    }
    CHECK(law.counts().main > 9000);
}

// When a relay asks its authority: row 43 of the table of faults too, for an authority that fails.
#include "relay/operation/authority_plan.hpp"

#include <doctest/doctest.h>

#include <map>

#include "sphinx/directory/parameters.hpp"

using namespace nightjar;
using namespace nightjar::relay::operation;
using What = AuthorityPlan::Step::What;

namespace {

constexpr base::Seconds hour{3600};
constexpr base::Epoch first{500'000};
const base::Wall begin{base::Seconds{1'800'000'000}};

/// A relay and an authority in virtual time. The authority signs the next document half an epoch
/// ahead, if it is up.
struct Pair {
    base::SeededRandom random;
    AuthorityPlan plan{hour, random};
    base::Wall now = begin;
    bool up = true;
    bool refuses = false;  // descriptors
    std::uint64_t asked = 0;
    std::map<base::Epoch, base::Wall> sent, fetched;

    explicit Pair(std::uint64_t seed) : random{seed} {}

    bool exists(base::Epoch document) const {
        return now >= directory::epoch_start(document, hour) - hour / 2;
    }
    void run(base::Seconds time) {
        for (const auto end = now + time; now < end;) {
            const auto step = plan.next(now);
            if (step.what == What::wait) {
                REQUIRE(step.until > now);
                now = std::min(step.until, now + base::Seconds{5});
                continue;
            }
            ++asked;
            const bool good = up && (step.what == What::send ? !refuses : exists(step.epoch));
            if (!good) {
                plan.failed(now);
            } else if (step.what == What::send) {
                REQUIRE(sent.emplace(step.epoch, now).second);  // never twice
                plan.settled(step.epoch);
            } else {
                REQUIRE(fetched.emplace(step.epoch, now).second);
                plan.have(step.epoch);
            }
            now += base::Milliseconds{50};
        }
    }
};

}  // namespace

TEST_CASE("authority plan: a new relay sends both descriptors at once, and asks for the document") {
    Pair pair{1};
    pair.now += base::Seconds{600};
    pair.run(base::Seconds{2});
    CHECK(pair.sent.contains(first));
    CHECK(pair.sent.contains(first.next()));
    CHECK(pair.fetched.contains(first));
}

TEST_CASE("authority plan: each epoch has one descriptor and one document, each in its time") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Pair pair{seed};
        pair.run(20 * hour);
        CHECK(pair.sent.size() == 21);
        CHECK(pair.fetched.size() == 21);
        CHECK(pair.asked == 42);
        for (auto epoch = first.next(); epoch < base::Epoch{first.value + 20};
             epoch = epoch.next()) {
            const auto start = directory::epoch_start(epoch, hour);
            if (epoch != first.next()) CHECK(pair.sent.at(epoch) <= start - hour + hour / 8);
            CHECK(pair.fetched.at(epoch) >= start - hour / 2);
            CHECK(pair.fetched.at(epoch) <= start - hour / 2 + hour / 8);
        }
    }
}

TEST_CASE("authority plan: a relay whose descriptor is refused still fetches each document") {
    Pair pair{4};
    pair.run(hour / 4);
    pair.refuses = true;
    pair.run(3 * hour);
    for (auto epoch = first; epoch < first.next().next().next(); epoch = epoch.next())
        CHECK(pair.fetched.contains(epoch));
}

TEST_CASE("authority plan: relays do not come at one moment") {
    std::set<base::Wall> sends, fetches;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        Pair pair{seed};
        pair.run(2 * hour);
        sends.insert(pair.sent.at(first.next().next()));
        fetches.insert(pair.fetched.at(first.next()));
    }
    CHECK(sends.size() > 90);
    CHECK(fetches.size() > 90);
    CHECK(*sends.rbegin() - *sends.begin() > base::Seconds{300});
}

TEST_CASE(
    "authority plan, faults 43: an authority that is away is asked three times a minute, then all "
    "is made "
    "up") {
    Pair pair{3};
    pair.run(base::Seconds{60});
    pair.up = false;
    const auto before = pair.asked;
    pair.run(hour + hour / 4);
    CHECK(pair.asked - before <= 600);
    CHECK(pair.asked - before >= 100);
    pair.up = true;
    pair.run(base::Seconds{60});
    CHECK(pair.sent.contains(first.next()));
    CHECK(pair.fetched.contains(first.next()));
    CHECK(pair.sent.contains(first.next().next()));
}

TEST_CASE("authority plan: a clock that is set leaves no epoch behind") {
    Pair pair{4};
    pair.run(hour / 4);
    pair.now += 5 * hour;
    pair.run(hour);
    CHECK(pair.sent.contains({first.value + 5}));
    CHECK(pair.sent.contains({first.value + 6}));
    CHECK(pair.fetched.contains({first.value + 5}));
    CHECK(pair.fetched.contains({first.value + 6}));
}

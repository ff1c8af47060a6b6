#include "relay/core/address_race.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace nightjar;
using namespace nightjar::relay::core;
using namespace std::chrono_literals;
using stream::ResetReason;
using Usable = AddressRace::Usable;
using Kind = AddressRace::Step::Kind;

namespace {

NameAnswer addresses(const std::vector<const char*>& texts) {
    NameAddresses found;
    for (const auto* text : texts)
        found.addresses.push_back(base::IpAddress::parse(text).value());
    return found;
}

const NameAnswer none = base::Fail{NameError::no_address};

/// A race and its clock. Every address may be used unless the test says otherwise.
struct Run {
    explicit Run(RaceLimits limits = {}) : race{80, limits, now} {}

    void answer(Family family, const NameAnswer& answer) {
        race.answered(family, answer, now, [this](const base::IpEndpoint& target) {
            CHECK(target.port == 80);
            const auto found = verdicts.find(target.address.to_text());
            return found == verdicts.end() ? Usable::yes : found->second;
        });
    }
    /// The steps of now, in words: "+ADDRESS" is a start, "-NUMBER" gives an attempt up.
    std::string steps() {
        std::string text;
        while (const auto step = race.next(now)) {
            if (!text.empty()) text += " ";
            text += step->kind == Kind::start ? "+" + step->target.address.to_text()
                                              : "-" + std::to_string(step->attempt);
        }
        return text;
    }
    /// Lets time pass, until the next step is due if that comes first.
    std::string after(base::Nanoseconds time) {
        now += time;
        return steps();
    }

    base::Mono start{1000s};
    base::Mono now = start;
    std::map<std::string, Usable> verdicts;
    AddressRace race;
};

}  // namespace

TEST_CASE("race: the families take turns, a quarter of a second apart") {
    Run run;
    run.answer(Family::v6, addresses({"2000::1", "2000::2", "2000::3"}));
    run.answer(Family::v4, addresses({"1.0.0.1", "1.0.0.2"}));
    CHECK(run.steps() == "+2000::1");
    CHECK(run.race.due() == run.now + 250ms);
    CHECK(run.after(249ms) == "");
    CHECK(run.after(1ms) == "+1.0.0.1");
    CHECK(run.after(250ms) == "+2000::2");
    CHECK(run.after(250ms) == "+1.0.0.2");
    CHECK(run.after(250ms) == "+2000::3");
    CHECK(run.after(250ms) == "");
    CHECK_FALSE(run.race.lost(run.now));
    CHECK(run.race.due() == run.start + 20s);
}

TEST_CASE("race: a failed attempt makes room for the next one at once") {
    Run run;
    run.answer(Family::v6, none);
    run.answer(Family::v4, addresses({"1.0.0.1", "1.0.0.2", "1.0.0.3"}));
    CHECK(run.steps() == "+1.0.0.1");
    run.now += 20ms;
    run.race.failed(0, ResetReason::connection_refused, run.now);
    CHECK(run.steps() == "+1.0.0.2");
    CHECK(run.race.due() == run.now + 250ms);
    run.race.connected(1);
    CHECK(run.after(1s) == "");
    CHECK_FALSE(run.race.lost(run.start + 30s));
}

TEST_CASE("race: the first answer waits 50 ms for the other family, and no longer") {
    for (const auto first : families) {
        const auto second = first == Family::v4 ? Family::v6 : Family::v4;
        const bool v6_first = first == Family::v6;
        const std::string one = v6_first ? "2000::1" : "1.0.0.1";
        const std::string two = v6_first ? "1.0.0.1" : "2000::1";
        Run alone;
        alone.answer(first, addresses({one.c_str()}));
        CHECK(alone.steps() == "");
        CHECK(alone.race.due() == alone.now + 50ms);
        CHECK(alone.after(49ms) == "");
        CHECK(alone.after(1ms) == "+" + one);
        // A late answer joins the race, at the next attempt.
        alone.answer(second, addresses({two.c_str()}));
        CHECK(alone.after(249ms) == "");
        CHECK(alone.after(1ms) == "+" + two);

        Run both;
        both.answer(first, addresses({one.c_str()}));
        CHECK(both.after(30ms) == "");
        both.answer(second, addresses({two.c_str()}));
        CHECK(both.steps() == "+2000::1");

        Run nothing;
        nothing.answer(first, none);
        CHECK(nothing.after(5s) == "");
        CHECK_FALSE(nothing.race.lost(nothing.now));
        nothing.answer(second, addresses({two.c_str()}));
        CHECK(nothing.steps() == "+" + two);
    }
}

TEST_CASE("race: a late answer is tried at once if all earlier addresses have failed") {
    Run run;
    run.answer(Family::v4, addresses({"1.0.0.1"}));
    CHECK(run.after(50ms) == "+1.0.0.1");
    run.race.failed(0, ResetReason::unreachable, run.now);
    CHECK_FALSE(run.race.lost(run.now));
    run.now += 2s;
    run.answer(Family::v6, addresses({"2000::1"}));
    CHECK(run.steps() == "+2000::1");
}

TEST_CASE("race: addresses that cannot be used take no place among those that are tried") {
    RaceLimits limits;
    limits.attempts_max = 2;
    Run run{limits};
    for (const auto* dead : {"2000::1", "2000::2", "2000::3", "2000::4", "2000::5"})
        run.verdicts[dead] = Usable::no_route;
    run.verdicts["1.0.0.1"] = Usable::refused_by_policy;
    run.answer(Family::v6, addresses({"2000::1", "2000::2", "2000::3", "2000::4", "2000::5"}));
    CHECK(run.after(60ms) == "");
    run.answer(Family::v4, addresses({"1.0.0.1", "1.0.0.2", "1.0.0.2", "1.0.0.3", "1.0.0.4"}));
    CHECK(run.steps() == "+1.0.0.2");
    CHECK(run.after(250ms) == "+1.0.0.3");
    CHECK(run.after(250ms) == "");
}

TEST_CASE("race: one socket too many replaces the oldest, and its result no longer counts") {
    RaceLimits limits;
    limits.parallel_max = 2;
    Run run{limits};
    run.answer(Family::v6, none);
    run.answer(Family::v4, addresses({"1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4"}));
    CHECK(run.steps() == "+1.0.0.1");
    CHECK(run.after(250ms) == "+1.0.0.2");
    CHECK(run.after(250ms) == "-0 +1.0.0.3");
    run.race.failed(0, ResetReason::cancelled, run.now);
    CHECK(run.steps() == "");
    CHECK(run.after(250ms) == "-1 +1.0.0.4");
    CHECK(run.after(10s) == "");  // the last ones keep their time
}

TEST_CASE("race: without room for a further socket it waits, but the first attempt starts") {
    Run run;
    run.answer(Family::v6, none);
    run.answer(Family::v4, addresses({"1.0.0.1", "1.0.0.2"}));
    CHECK(run.race.next(run.now, false).has_value());
    run.now += 250ms;
    CHECK_FALSE(run.race.next(run.now, false).has_value());
    CHECK(run.race.due() == run.now + 250ms);
    CHECK(run.after(250ms) == "+1.0.0.2");
}

TEST_CASE("race: the address that was tried last says why all failed") {
    Run run;
    run.answer(Family::v6, addresses({"2000::1"}));
    run.answer(Family::v4, addresses({"1.0.0.1", "1.0.0.2"}));
    CHECK(run.steps() == "+2000::1");
    CHECK(run.after(250ms) == "+1.0.0.1");
    CHECK(run.after(250ms) == "+1.0.0.2");
    run.race.failed(2, ResetReason::connection_refused, run.now);
    run.race.failed(0, ResetReason::unreachable, run.now);
    CHECK_FALSE(run.race.lost(run.now));
    run.race.failed(1, ResetReason::cancelled, run.now);
    REQUIRE(run.race.lost(run.now));
    CHECK(run.race.reason(run.now) == ResetReason::connection_refused);
}

TEST_CASE("race: without an attempt, the addresses or the name say why") {
    struct Case {
        NameAnswer v6, v4;
        ResetReason reason;
    };
    const auto fail = [](NameError error) -> NameAnswer { return base::Fail{error}; };
    const auto dead = addresses({"2000::1"});
    const auto refused = addresses({"1.0.0.1"});
    for (const auto& c : std::vector<Case>{
             {none, none, ResetReason::unresolvable},
             {fail(NameError::bad_name), fail(NameError::bad_name), ResetReason::unresolvable},
             {fail(NameError::failed), none, ResetReason::timed_out},
             {none, fail(NameError::failed), ResetReason::timed_out},
             {fail(NameError::overload), none, ResetReason::overload},
             {none, fail(NameError::no_descriptors), ResetReason::overload},
             {dead, none, ResetReason::unreachable},
             {none, refused, ResetReason::refused_by_policy},
             {dead, refused, ResetReason::unreachable},
             {fail(NameError::failed), refused, ResetReason::refused_by_policy}}) {
        Run run;
        run.verdicts["2000::1"] = Usable::no_route;
        run.verdicts["1.0.0.1"] = Usable::refused_by_policy;
        run.answer(Family::v6, c.v6);
        CHECK_FALSE(run.race.lost(run.now));
        run.answer(Family::v4, c.v4);
        REQUIRE(run.race.lost(run.now));
        CHECK(run.race.reason(run.now) == c.reason);
    }
}

TEST_CASE("race: a name that does not exist needs no second answer, if IPv4 says so") {
    Run run;
    run.answer(Family::v4, base::Fail{NameError::not_found});
    REQUIRE(run.race.lost(run.now));
    CHECK(run.race.reason(run.now) == ResetReason::unresolvable);

    // Servers that know no IPv6 deny the whole name.
    Run denied;
    denied.answer(Family::v6, base::Fail{NameError::not_found});
    CHECK_FALSE(denied.race.lost(denied.now));
    denied.answer(Family::v4, addresses({"1.0.0.1"}));
    CHECK(denied.steps() == "+1.0.0.1");
}

TEST_CASE("race: it ends at its time, whatever is still under way") {
    Run waiting;
    CHECK(waiting.race.due() == waiting.start + 20s);
    CHECK_FALSE(waiting.race.lost(waiting.start + 20s - 1ms));
    REQUIRE(waiting.race.lost(waiting.start + 20s));
    CHECK(waiting.race.reason(waiting.start + 20s) == ResetReason::timed_out);

    Run running;
    running.answer(Family::v4, addresses({"1.0.0.1", "1.0.0.2"}));
    CHECK(running.after(50ms) == "+1.0.0.1");
    running.race.failed(0, ResetReason::connection_refused, running.now);
    CHECK(running.steps() == "+1.0.0.2");
    REQUIRE(running.race.lost(running.start + 20s));
    CHECK(running.race.reason(running.start + 20s) == ResetReason::timed_out);
    CHECK(running.after(20s) == "");
}

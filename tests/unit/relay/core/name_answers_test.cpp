#include "relay/core/name_answers.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace nightjar;
using namespace nightjar::relay::core;
using namespace std::chrono_literals;

namespace {

const base::Mono t0{1000s};

NameAnswer with_ttl(base::Seconds ttl) {
    return NameAddresses{{base::IpAddress::parse("203.0.113.9").value()}, ttl};
}

}  // namespace

TEST_CASE(
    "names: an answer is remembered for its TTL, at least a second and at most five minutes") {
    struct Case {
        base::Seconds ttl, kept;
    };
    for (const auto& c :
         {Case{0s, 1s}, Case{1s, 1s}, Case{60s, 60s}, Case{300s, 300s}, Case{86'400s, 300s}}) {
        NameAnswers names;
        names.remember("a.test", Family::v4, with_ttl(c.ttl), t0);
        const auto last = names.find("a.test", Family::v4, t0 + c.kept - 1ms);
        INFO(c.ttl.count());
        REQUIRE(last.has_value());
        REQUIRE(last->has_value());
        CHECK((*last)->addresses.front().to_text() == "203.0.113.9");
        CHECK((*last)->ttl == 1s);
        CHECK_FALSE(names.find("a.test", Family::v4, t0 + c.kept).has_value());
        CHECK_FALSE(names.find("a.test", Family::v6, t0).has_value());
        CHECK_FALSE(names.find("b.test", Family::v4, t0).has_value());
    }
}

TEST_CASE("names: a name is the same in capitals and with a dot at its end") {
    NameAnswers names;
    names.remember("A.Test.", Family::v4, with_ttl(9s), t0);
    CHECK(names.find("a.test", Family::v4, t0).has_value());
    CHECK(names.find("a.TEST.", Family::v4, t0).has_value());
    names.remember("a.test", Family::v4, with_ttl(9s), t0);
    CHECK(names.size() == 1);
}

TEST_CASE("names: what a server denied is remembered briefly, what no server said is not") {
    NameAnswers names;
    for (const auto error : {NameError::not_found, NameError::no_address}) {
        names.remember("no.test", Family::v6, base::Fail{error}, t0);
        const auto found = names.find("no.test", Family::v6, t0 + 10s - 1ms);
        REQUIRE(found.has_value());
        CHECK(found->error() == error);
        CHECK_FALSE(names.find("no.test", Family::v6, t0 + 10s).has_value());
    }
    for (const auto error :
         {NameError::bad_name, NameError::failed, NameError::overload, NameError::no_descriptors}) {
        names.clear();
        names.remember("no.test", Family::v6, base::Fail{error}, t0);
        CHECK(names.size() == 0);
    }
    names.remember_silence("half.test", Family::v6, t0);
    CHECK(names.find("half.test", Family::v6, t0 + 1s)->error() == NameError::failed);
    CHECK_FALSE(names.find("half.test", Family::v6, t0 + 10s).has_value());
}

TEST_CASE("names: their number is bounded; what has ended goes first, then what ends next") {
    NameLimits limits;
    limits.answers_max = 4;
    NameAnswers names{limits};
    for (int i = 0; i < 4; ++i)
        names.remember(std::to_string(i), Family::v4, with_ttl(base::Seconds{40 - 10 * i}), t0);
    const auto full = names.memory();
    names.remember("next", Family::v4, with_ttl(100s), t0);
    CHECK(names.size() == 4);
    CHECK_FALSE(names.find("3", Family::v4, t0).has_value());
    CHECK(names.find("2", Family::v4, t0).has_value());
    // At this time two of them have ended.
    names.remember("last", Family::v4, with_ttl(100s), t0 + 30s);
    CHECK(names.size() == 3);
    CHECK(names.find("0", Family::v4, t0 + 30s).has_value());
    CHECK(full > 4 * sizeof(NameAnswer));
    names.clear();
    CHECK(names.memory() == 0);
}

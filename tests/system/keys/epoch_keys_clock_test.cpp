// The keys of a running relay's epochs when its clocks disagree (faults 27 and 28).
#include <fstream>
#include <optional>
#include <string>

#include "sphinx/node/process/clock_guard.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "tests/system/keys/epoch_keys_fixture.hpp"

using namespace nightjar;
using namespace nightjar::epoch_keys_test;
using node::process::ClockReading;

namespace {

/// A relay whose daemon looks at its clocks every 5 s. The test sets the wall clock off by `step`.
struct Clocked {
    Node node;
    std::optional<node::process::ClockGuard> guard;
    base::Milliseconds step{};

    ClockReading reading(base::Seconds time) const { return {after(time) + step, at(time).boot}; }
    void start(base::Seconds time) {
        node.run.reset();
        guard.emplace(reading(time), read_clock_record(node.folder.path() / "run").difference);
        node.start();
        look(time);
    }
    void look(base::Seconds time) {
        const auto kept = guard->look(reading(time));
        node.keys().maintain({kept, guard->last().boot, guard->jumped()});
    }
    void run(base::Seconds from, base::Seconds to) {
        for (auto time = from; time <= to; time += base::Seconds{5})
            look(time);
    }
    bool has(std::uint32_t n) { return node.keys().public_key(plus(n)) != none; }
};

constexpr base::Seconds three_hours{3 * 3600};

}  // namespace

TEST_CASE("faults 27: one wrong reading of the clock wipes no key") {
    for (const auto step : {three_hours, -three_hours, base::Seconds{86'400}}) {
        CAPTURE(step.count());
        Clocked relay;
        relay.start(base::Seconds{300});
        const auto listed = relay.node.descriptor("descriptor").relay;
        relay.step = step;
        relay.look(base::Seconds{305});
        CHECK(relay.guard->jumped());
        CHECK(relay.node.keys().matches(listed, now));
        relay.step = base::Seconds{0};
        relay.look(base::Seconds{310});
        CHECK(!relay.guard->jumped());
        CHECK(relay.node.keys().matches(listed, now));
        CHECK(relay.node.keys().public_key(now) == listed.mix_key);
        CHECK(relay.node.files() == Node::files_of({0, 1, 2}));
    }
}

TEST_CASE("epoch keys: in a jump nothing is wiped before its bound") {
    Clocked relay;
    relay.start(base::Seconds{300});
    const auto key = relay.node.keys().public_key(now);
    relay.step = three_hours;
    // The epoch and its time of grace end during the jump.
    for (const auto time : {base::Seconds{600}, epoch_length - base::Seconds{100}}) {
        relay.step += base::Seconds{120};  // never stands for ten minutes
        relay.look(time);
    }
    relay.step += base::Seconds{120};
    relay.look(epoch_length + grace + base::Seconds{60});
    CHECK(relay.guard->jumped());
    CHECK(relay.node.keys().public_key(now) == key);
    CHECK(relay.has(3));  // and new keys are made by the kept time
    relay.step = base::Seconds{0};
    relay.look(epoch_length + grace + base::Seconds{65});
    CHECK(!relay.has(0));
}

TEST_CASE("faults 27: a clock that stays wrong counts after ten minutes, or when it is confirmed") {
    for (const bool confirmed : {false, true}) {
        CAPTURE(confirmed);
        Clocked relay;
        relay.start(base::Seconds{100});
        relay.step = three_hours;
        relay.run(base::Seconds{105}, base::Seconds{700});
        CHECK(relay.has(0));
        CHECK(!relay.has(12));
        if (confirmed) relay.guard->confirm();
        relay.look(base::Seconds{705});
        CHECK(!relay.has(0));
        CHECK(relay.has(12));
    }
}

TEST_CASE("faults 27: a relay that starts while the clock is wrong keeps its keys") {
    Clocked relay;
    relay.start(base::Seconds{300});
    const auto key = relay.node.keys().public_key(now);
    relay.step = three_hours;
    relay.start(base::Seconds{310});
    CHECK(relay.guard->jumped());
    CHECK(relay.node.keys().public_key(now) == key);
    CHECK(relay.node.files() == Node::files_of({0, 1, 2}));
}

TEST_CASE("faults 27: a clock that is set back makes no key live longer than 15 minutes more") {
    // Set back for good, and set anew every minute so that no time is ever believed.
    for (const bool restless : {false, true}) {
        CAPTURE(restless);
        Clocked relay;
        relay.start(base::Seconds{300});
        const auto key = relay.node.keys().public_key(now);
        const auto key_file =
            relay.node.folder.path() / "run" / ("900-" + std::to_string(now.value) + ".key");
        const auto kept = relay.node.folder.path() / "kept";
        fs::create_hard_link(key_file, kept);
        for (base::Seconds time{305}; time < base::Seconds{1795}; time += base::Seconds{5}) {
            relay.step = restless && time.count() / 60 % 2 == 0 ? -2 * three_hours : -three_hours;
            relay.look(time);
            if (time == base::Seconds{1000}) relay.start(time);  // a restart changes nothing
        }
        CHECK(relay.node.keys().public_key(now) == key);
        relay.run(base::Seconds{1795}, base::Seconds{1800});
        CHECK(relay.node.keys().public_key(now) != key);
        std::ifstream file{kept, std::ios::binary};
        const std::string content{std::istreambuf_iterator<char>{file}, {}};
        CHECK(content.find_first_not_of('\0') == std::string::npos);
    }
}

TEST_CASE("faults 28: a suspend of an hour wipes what ended meanwhile, and is no jump") {
    Clocked relay;
    relay.start(base::Seconds{300});
    relay.look(base::Seconds{300} + 4 * epoch_length);
    CHECK(!relay.guard->jumped());
    CHECK(!relay.has(0));
    CHECK(!relay.has(2));
    CHECK(relay.node.files() == Node::files_of({4, 5, 6}));
}

TEST_CASE("clock record: what was written is read again, and nothing else is taken") {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "clock";
    CHECK(read_clock_record(folder.path()) == ClockRecord{});
    const ClockRecord record{base::Milliseconds{-5},
                             {{{7}, base::Milliseconds{70}}, {{8}, base::Milliseconds{80}}}};
    write_clock_record(folder.path(), record);
    CHECK(read_clock_record(folder.path()) == record);
    for (const std::string bad :
         {"", "nightjar clock v2\n", "nightjar clock v1\ndifference-ms x\n",
          "nightjar clock v1\nepoch 7\n", "nightjar clock v1\nepoch 7 ends 8\n",
          "nightjar clock v1\nhello\n"}) {
        std::ofstream{path, std::ios::trunc} << bad;
        CHECK_THROWS_AS_MESSAGE(read_clock_record(folder.path()), node::process::KeyError, bad);
    }
}

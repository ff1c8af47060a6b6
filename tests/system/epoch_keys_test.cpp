// The keys of a running relay's epochs: real files in a folder in memory.
#include "relay/keys/epoch_keys.hpp"
#include "relay/operation/startup.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "sphinx/directory/descriptor.hpp"
#include "sphinx/node/process/clock_guard.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::core;
using namespace nightjar::relay::keys;
using namespace nightjar::relay::operation;
using node::process::ClockReading;
namespace fs = std::filesystem;

namespace {

constexpr base::Seconds epoch_length{900};
constexpr base::Seconds grace{4};
constexpr base::Epoch now{2'000'000};

base::Epoch plus(std::uint32_t epochs) {
    return {now.value + epochs};
}

/// So long after the beginning of `now`.
base::Wall after(base::Seconds time) {
    return directory::epoch_start(now, epoch_length) + time;
}

/// What the clocks say then. The wall clock may be off, and known to be so.
KeyTime at(base::Seconds time) {
    return {after(time), base::Seconds{7200} + time};
}

/// A relay's folders; start() is what one run of its process has.
struct Node {
    struct Run {
        Run(const fs::path& folder, const Identity& identity)
            : store{folder / "run", epoch_length, 100},
              keys{store, keyring, identity, describe(config(), identity), folder, epoch_length} {}
        static RelayConfig config() {
            RelayConfig config;
            config.role = directory::Role::mix;
            config.layer = 1;
            config.announce = {{"192.0.2.1", 9001}};
            config.listen = config.announce;
            return config;
        }
        KeyStore store;
        Keyring keyring{epoch_length, grace};
        EpochKeys keys;
    };

    void start() {
        run.reset();
        run.emplace(folder.path(), identity);
    }
    EpochKeys& keys() { return run->keys; }
    /// The names in the runtime directory.
    std::set<std::string> files() const {
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator{folder.path() / "run"})
            names.insert(entry.path().filename().string());
        return names;
    }
    static std::set<std::string> files_of(const std::vector<std::uint32_t>& epochs) {
        std::set<std::string> names{"clock", "lock"};
        for (const auto n : epochs)
            for (const auto* extension : {".key", ".tags"})
                names.insert("900-" + std::to_string(now.value + n) + extension);
        return names;
    }
    directory::Descriptor descriptor(const char* name) const {
        std::ifstream file{folder.path() / name, std::ios::binary};
        const std::string text{std::istreambuf_iterator<char>{file}, {}};
        const auto parsed = directory::parse_descriptor(text);
        REQUIRE_MESSAGE(parsed, name);
        return *parsed;
    }
    void check_descriptors(std::uint32_t epoch) {
        const auto first = descriptor("descriptor");
        const auto second = descriptor("descriptor.next");
        CHECK(first.epoch == plus(epoch));
        CHECK(second.epoch == plus(epoch + 1));
        CHECK(first.relay.mix_key == keys().public_key(plus(epoch)));
        CHECK(first.relay.next_mix_key == keys().public_key(plus(epoch + 1)));
        CHECK(second.relay.mix_key == keys().public_key(plus(epoch + 1)));
        CHECK(second.relay.next_mix_key == keys().public_key(plus(epoch + 2)));
    }

    test::TemporaryFolder folder;
    Identity identity = Identity::create(folder.path());
    std::optional<Run> run;
};

const base::MixKey none{};

}  // namespace

TEST_CASE(
    "epoch keys: keys of this epoch and of the two after it, and descriptors that name them") {
    Node node;
    node.start();
    node.keys().maintain(at(base::Seconds{300}));
    CHECK(node.files() == Node::files_of({0, 1, 2}));
    CHECK(node.run->keyring.epochs() == std::vector{plus(0), plus(1), plus(2)});
    std::set<base::MixKey> keys;
    for (const std::uint32_t n : {0, 1, 2})
        keys.insert(node.keys().public_key(plus(n)));
    CHECK(keys.size() == 3);
    CHECK(!keys.contains(none));
    CHECK(node.keys().public_key(plus(3)) == none);
    CHECK(node.keys().expiry() == after(3 * epoch_length));
    node.check_descriptors(0);
}

TEST_CASE("epoch keys: a running relay wipes a key as soon as its time of grace has ended") {
    Node node;
    node.start();
    node.keys().maintain(at(base::Seconds{300}));
    const auto key = node.folder.path() / "run" / ("900-" + std::to_string(now.value) + ".key");
    const auto kept = node.folder.path() / "kept";
    fs::create_hard_link(key, kept);  // shows what is left of the file's content

    node.keys().maintain(at(epoch_length + grace - base::Seconds{1}));
    CHECK(node.files() == Node::files_of({0, 1, 2, 3}));
    CHECK(node.keys().public_key(now) != none);
    node.check_descriptors(1);

    node.keys().maintain(at(epoch_length + grace));
    CHECK(node.files() == Node::files_of({1, 2, 3}));
    CHECK(node.run->keyring.epochs() == std::vector{plus(1), plus(2), plus(3)});
    CHECK(node.keys().public_key(now) == none);
    CHECK(node.keys().expiry() == after(4 * epoch_length));
    std::ifstream file{kept, std::ios::binary};
    const std::string content{std::istreambuf_iterator<char>{file}, {}};
    CHECK(content.size() > 32);
    CHECK(content.find_first_not_of('\0') == std::string::npos);
}

TEST_CASE("epoch keys: an ended key that could not be wiped is tried again, and stops no other") {
    Node node;
    node.start();
    node.keys().maintain(at(base::Seconds{300}));
    const auto run = node.folder.path() / "run";
    const auto key = run / ("900-" + std::to_string(now.value) + ".key");
    const auto aside = node.folder.path() / "aside";
    fs::rename(key, aside);
    fs::create_directory(key);  // cannot be opened to be overwritten
    // Two epochs have ended. The second one's key is wiped, and the next ones are made.
    for (const base::Seconds later : {base::Seconds{0}, base::Seconds{5}}) {
        CHECK_THROWS_WITH_AS(node.keys().maintain(at(2 * epoch_length + grace + later)),
                             doctest::Contains("cannot be wiped"), std::system_error);
        CHECK(node.files() == Node::files_of({0, 2, 3, 4}));
        CHECK(node.run->keyring.epochs() == std::vector{plus(2), plus(3), plus(4)});
        node.check_descriptors(2);
    }
    fs::remove(key);
    fs::rename(aside, key);
    node.keys().maintain(at(2 * epoch_length + grace + base::Seconds{10}));
    CHECK(node.files() == Node::files_of({2, 3, 4}));
}

TEST_CASE("epoch keys: a relay that starts again goes on with its keys, and wipes the older ones") {
    Node node;
    node.start();
    node.keys().maintain(at(base::Seconds{300}));
    const auto first = node.keys().public_key(plus(1));
    const auto second = node.keys().public_key(plus(2));
    SUBCASE("in the next epoch, the ended one's time of grace is kept") {
        const auto ended = node.keys().public_key(now);
        node.start();
        node.keys().maintain(at(epoch_length + base::Seconds{1}));
        CHECK(node.files() == Node::files_of({0, 1, 2, 3}));
        CHECK(node.keys().public_key(now) == ended);
        CHECK(node.run->keyring.find(now.low_byte(), after(epoch_length + base::Seconds{1})));
        CHECK(node.keys().public_key(plus(1)) == first);
        node.check_descriptors(1);
    }
    SUBCASE("two epochs later, nothing of the ended ones is left") {
        node.start();
        node.keys().maintain(at(2 * epoch_length + base::Seconds{10}));
        CHECK(node.files() == Node::files_of({2, 3, 4}));
        CHECK(node.keys().public_key(plus(2)) == second);
        node.check_descriptors(2);
    }
    SUBCASE("in the same epoch, with its descriptors lost") {
        fs::remove(node.folder.path() / "descriptor");
        fs::remove(node.folder.path() / "descriptor.next");
        node.start();
        node.keys().maintain(at(base::Seconds{400}));
        CHECK(node.keys().public_key(plus(1)) == first);
        node.check_descriptors(0);
    }
    SUBCASE("with its runtime directory lost, its descriptors name the new keys") {
        node.run.reset();
        fs::remove_all(node.folder.path() / "run");
        node.start();
        node.keys().maintain(at(base::Seconds{400}));
        CHECK(node.keys().public_key(plus(1)) != first);
        node.check_descriptors(0);
    }
}

TEST_CASE("epoch keys: the next filter is made shortly before its key, on another thread") {
    Node node;
    node.start();
    const auto spare = node.folder.path() / "run" / "spare";
    const auto made = [&] {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        while (!node.run->store.prepared() && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        return node.run->store.prepared();
    };
    node.keys().prepare(at(base::Seconds{0}));  // nothing before the first keys are there
    node.keys().maintain(at(base::Seconds{0}));
    const auto ahead = epoch_length - EpochKeys::prepare_ahead;
    node.keys().prepare(at(ahead - base::Seconds{1}));
    CHECK(!node.run->store.prepared());
    CHECK(!fs::exists(spare));
    node.keys().prepare(at(ahead));
    CHECK(made());
    node.keys().maintain(at(ahead));  // not used before its epoch
    CHECK(fs::exists(spare));
    node.keys().prepare(at(epoch_length));
    node.keys().maintain(at(epoch_length));
    CHECK(node.files() == Node::files_of({0, 1, 2, 3}));
    node.keys().prepare(at(epoch_length));
    CHECK(!fs::exists(spare));
}

TEST_CASE("epoch keys: keys of other epoch lengths are wiped at the start") {
    Node node;
    {
        KeyStore other{node.folder.path() / "run", base::Seconds{3600}, 100};
        other.take({500'000});
    }
    node.start();
    node.keys().maintain(at(base::Seconds{300}));
    CHECK(node.files() == Node::files_of({0, 1, 2}));
}

TEST_CASE("epoch keys: descriptors are written when their epoch begins, and not in between") {
    Node node;
    node.start();
    node.keys().maintain(at(base::Seconds{300}));
    fs::remove(node.folder.path() / "descriptor");
    node.keys().maintain(at(base::Seconds{305}));
    CHECK(!fs::exists(node.folder.path() / "descriptor"));
    node.keys().maintain(at(epoch_length));
    node.check_descriptors(1);
}

TEST_CASE("epoch keys: a document matches if it lists the keys whose time has not ended") {
    Node node;
    node.start();
    auto& keys = node.keys();
    keys.maintain(at(base::Seconds{300}));
    auto listed = node.descriptor("descriptor").relay;
    CHECK(keys.matches(listed, now));
    CHECK(!keys.matches(listed, plus(1)));
    auto other = listed;
    other.mix_key = base::MixKey{{1}};
    CHECK(!keys.matches(other, now));
    other = listed;
    other.next_mix_key = base::MixKey{{1}};
    CHECK(!keys.matches(other, now));
    // Once the first key's time has ended, the second one counts alone.
    keys.maintain(at(epoch_length + grace));
    CHECK(keys.matches(listed, now));
    CHECK(!keys.matches(other, now));
    keys.maintain(at(2 * epoch_length + grace));
    CHECK(!keys.matches(listed, now));
}

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

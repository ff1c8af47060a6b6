// The keys of a running relay's epochs.
#include <chrono>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "sphinx/node/process/exit_code.hpp"
#include "tests/system/keys/epoch_keys_fixture.hpp"

using namespace nightjar;
using namespace nightjar::epoch_keys_test;

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

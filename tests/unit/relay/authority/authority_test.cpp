#include "relay/authority/signing.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/signature.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;

namespace {

const base::Wall now{base::Seconds{1'800'000'300}};  // 5 minutes into an epoch
constexpr base::Epoch epoch{500'000};

/// The descriptors of a network of three layers in a folder, one authority, and a description.
struct Site {
    test::TemporaryFolder folder;
    base::SeededRandom random{1};
    std::string relays = "relays:\n";

    Site() {
        relay::authority::init(folder.path() / "authority");
        std::uint16_t port = 9000;
        for (std::uint8_t layer = 0; layer < 4; ++layer) {
            for (const auto* which : {"a", "b"})
                add(layer, "relay-" + std::to_string(layer) + which, ++port);
        }
    }
    void add(std::uint8_t layer, const std::string& name, std::uint16_t port) {
        test::RelayKeys keys{random};
        auto relay = test::random_relay(random, layer);
        relay.name = name;
        relay.addresses = {{"127.0.0.1", port}};
        write(name, keys.describe(relay, epoch, {}, 30));
        keys.turn(random);
        write(name + ".next", keys.describe(relay, epoch.next(), {}, 30));
        relays += "  - {descriptor: " + name + ", operator: op-" + name + ", capacity: 10}\n";
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream{folder.path() / name, std::ios::binary} << text;
    }
    Signed sign(const std::string& description, EpochChoice which = EpochChoice::current) const {
        write("network.yaml", description);
        return relay::authority::sign({folder.path() / "authority"}, folder.path() / "network.yaml",
                                      which, now);
    }
    /// The message without the folder's name.
    std::string error(const std::string& description) const {
        try {
            sign(description);
        } catch (const node::process::StartupError& error) {
            CHECK(error.code() == node::process::ExitCode::config);
            std::string what = error.what();
            const auto prefix = folder.path().string() + "/";
            for (auto at = what.find(prefix); at != what.npos; at = what.find(prefix))
                what.erase(at, prefix.size());
            return what;
        }
        return "no error";
    }
};

std::string read(const fs::path& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

}  // namespace

TEST_CASE("clients and relays accept what an authority signs") {
    const Site site;
    const auto made = site.sign(
        "network: demo\nparameters: {lab: true, main_slots: 100, mean_delay: 100ms}\n"
        "recommended_versions: [0.2.0, 0.1.0]\n"
        "optional: [{name: notice, value: \"of a later version\"}, {name: a-b, value: \"7\"}]\n" +
        site.relays);
    relay::authority::write(made, site.folder.path() / "out" / "public");
    const auto document = directory::parse(read(site.folder.path() / "out/public/document"));
    const auto anchors = node::config::load_anchors(site.folder.path() / "out/public/network.yaml");
    REQUIRE(document);
    CHECK(*document == made.document);
    CHECK(anchors == made.anchors);
    CHECK(directory::check(*document, anchors, now, {}));
    CHECK(document->epoch == epoch);
    CHECK(document->valid_from == base::Wall{base::Seconds{1'800'000'000}});
    CHECK(document->valid_until == base::Wall{base::Seconds{1'800'007'200}});
    CHECK(document->recommended_versions == std::vector<std::string>{"0.1.0", "0.2.0"});
    CHECK(document->optional ==
          directory::OptionalLines{{"a-b", "7"}, {"notice", "of a later version"}});
    CHECK(anchors.gateways.size() == 2);
    CHECK(document->relays.size() == 8);
    for (const auto& relay : document->relays) {
        CHECK(relay.operator_name == "op-" + relay.name);
        CHECK(relay.capacity == 10);
    }
    // Rates that are not given are derived from U by default shares.
    const auto& parameters = document->parameters;
    CHECK(parameters.client_loops == directory::Rate{10'000});
    CHECK(parameters.replies == directory::Rate{90'000});
    CHECK(parameters.down == directory::Rate{120'000});
    CHECK(parameters.mean_delay == base::Milliseconds{100});
}

TEST_CASE("descriptors that were fetched before the epochs changed give the new epoch's document") {
    const Site site;
    const auto description = "network: demo\n" + site.relays;
    const auto at_next_epoch = [&](base::Seconds after) {
        site.write("network.yaml", description);
        return relay::authority::sign({site.folder.path() / "authority"},
                                      site.folder.path() / "network.yaml", EpochChoice::current,
                                      now + after)
            .document;
    };
    const auto before = site.sign(description, EpochChoice::next).document;
    const auto after = at_next_epoch(base::Seconds{3600});
    CHECK(after.epoch == epoch.next());
    CHECK(after.relays == before.relays);
    CHECK_THROWS_AS(at_next_epoch(base::Seconds{7200}), node::process::ConfigError);
}

TEST_CASE("with few slots the delays default to values that hide their beat") {
    const Site site;
    const auto delay_at = [&](const std::string& slots) {
        const auto text = "network: demo\nparameters: {main_slots: " + slots + "}\n" + site.relays;
        return site.sign(text).document.parameters.mean_delay;
    };
    CHECK(delay_at("100") == base::Milliseconds{50});
    CHECK(delay_at("50") == base::Milliseconds{50});
    CHECK(delay_at("20") == base::Milliseconds{112});  // two gaps of 18 replies a second
    CHECK(delay_at("10") == base::Milliseconds{223});
}

TEST_CASE("a law of mixing has its own parameters, with defaults") {
    const Site site;
    const auto mixing = [&](const std::string& parameters) {
        const auto text = "network: demo\nparameters: {" + parameters + "}\n" + site.relays;
        return site.sign(text).document.parameters.mixing;
    };
    using directory::Mixing;
    using directory::MixLaw;
    CHECK(mixing("") == Mixing{});
    CHECK(mixing("mixing: poisson") == Mixing{});
    CHECK(mixing("mixing: timed-pool") ==
          Mixing{.law = MixLaw::timed_pool, .interval = base::Milliseconds{25}, .keep = 1});
    CHECK(mixing("mixing: timed-pool, mixing_interval: 10ms, mixing_keep: 0") ==
          Mixing{.law = MixLaw::timed_pool, .interval = base::Milliseconds{10}});
    CHECK(mixing("mixing: threshold") == Mixing{.law = MixLaw::threshold, .packets = 20});
    CHECK(mixing("mixing: threshold, mixing_packets: 30") ==
          Mixing{.law = MixLaw::threshold, .packets = 30});
}

TEST_CASE("a network chooses the room of its exits' levels, and none by default") {
    const Site site;
    const auto room = [&](const std::string& parameters) {
        const auto text = "network: demo\nparameters: {" + parameters + "}\n" + site.relays;
        return site.sign(text).document.parameters.exit_room;
    };
    CHECK(room("") == 0);
    CHECK(room("exit_room: 0") == 0);
    CHECK(room("exit_room: 1") == 1000);
    CHECK(room("exit_room: 0.25") == 250);
    for (const auto* wrong : {"exit_room: -1", "exit_room: 4.5", "exit_room: 0.0001"})
        CHECK(site.error("network: demo\nparameters: {" + std::string{wrong} + "}\n" + site.relays)
                  .starts_with("network.yaml:2:"));
}

TEST_CASE("the next epoch's document is signed ahead, from the next descriptors") {
    const Site site;
    const auto text = "network: demo\n" + site.relays;
    const auto current = site.sign(text).document;
    const auto next = site.sign(text, EpochChoice::next).document;
    CHECK(next.epoch == epoch.next());
    CHECK(next.valid_from == current.valid_from + base::Seconds{3600});
    for (const auto& relay : current.relays)
        CHECK(next.find(relay.identity)->mix_key == relay.next_mix_key);
}

TEST_CASE("several authorities sign one document; one cannot stand for two") {
    const Site site;
    site.write("network.yaml", "network: demo\n" + site.relays);
    const auto file = site.folder.path() / "network.yaml";
    const auto one = site.folder.path() / "authority", two = site.folder.path() / "two";
    relay::authority::init(two);
    const auto made = relay::authority::sign({one, two}, file, EpochChoice::current, now);
    CHECK(made.document.signatures.size() == 2);
    CHECK(made.anchors.authorities.size() == 2);
    CHECK_THROWS_AS(relay::authority::sign({one, one}, file, EpochChoice::current, now),
                    node::process::UsageError);
    CHECK_THROWS_AS(
        relay::authority::sign({site.folder.path() / "three"}, file, EpochChoice::current, now),
        node::process::KeyError);
    CHECK_THROWS_AS(relay::authority::init(one), node::process::KeyError);
}

TEST_CASE("a wrong description is refused with its file, line and column") {
    Site site;
    auto changed = read(site.folder.path() / "relay-1a");
    changed[changed.find("127.0.0.1:9003") + 13] = '9';
    site.write("changed", changed);
    site.write("bad", "nightjar-descriptor 4\nepoch 07\n");
    const auto head = std::string{"network: demo\n"};
    struct Row {
        const char* name;
        std::string text;
        const char* error;
    };
    const Row rows[] = {
        {"good", head + site.relays, "no error"},
        {"empty", "", "network.yaml:1:1: the key \"network\" is missing"},
        {"no relays", head, "network.yaml:1:1: the key \"relays\" is missing"},
        {"odd name", "network: De mo\n" + site.relays, "network.yaml:1:10: not a valid word"},
        {"unknown key", head + "colour: red\n" + site.relays,
         "network.yaml:2:1: unknown key \"colour\""},
        {"near miss", head + "parameters: {main_slot: 5}\n" + site.relays,
         "network.yaml:2:14: unknown key \"main_slot\"; did you mean \"main_slots\"?"},
        {"too fine a rate", head + "parameters: {replies: 0.0005}\n" + site.relays,
         "network.yaml:2:23: out of range"},
        {"four decimals", head + "parameters: {replies: 1.0005}\n" + site.relays,
         "network.yaml:2:23: a number with more than three decimals"},
        {"unit missing", head + "parameters: {mean_delay: 50}\n" + site.relays,
         "network.yaml:2:26: not a time"},
        {"down below the law", head + "parameters: {down: 50}\n" + site.relays,
         "network.yaml: this network must not be signed: down is 50 a second; the traffic law "
         "needs at "
         "least 60"},
        {"loops below the law", head + "parameters: {relay_loops: 1}\n" + site.relays,
         "this network must not be signed: loops alone keep only 0.20 packets in relay"},
        {"zero epoch", head + "parameters: {epoch_length: 0s}\n" + site.relays,
         "the epoch length is under 1 s"},
        {"a law of its own",
         head + "parameters: {mixing: threshold, mixing_packets: 30}\n" + site.relays, "no error"},
        {"an unknown law", head + "parameters: {mixing: fifo}\n" + site.relays,
         "network.yaml:2:22: unknown word; use one of: poisson, timed-pool, threshold"},
        {"another law's key", head + "parameters: {mixing_keep: 2}\n" + site.relays,
         "network.yaml:2:14: unknown key \"mixing_keep\""},
        {"an interval that is too long",
         head + "parameters: {mixing: timed-pool, mixing_interval: 51ms}\n" + site.relays,
         "must not be signed: mixing_interval is longer than mean_delay"},
        {"no descriptor", head + site.relays + "  - {descriptor: none}\n",
         "network.yaml:11:18: there is no descriptor file none"},
        {"another epoch", head + site.relays + "  - {descriptor: relay-0a.next}\n",
         "is of epoch 500001, the document of 500000"},
        {"changed on the way", head + site.relays + "  - {descriptor: changed}\n",
         "changed:0:1: the signature is not the relay's"},
        {"not a descriptor", head + site.relays + "  - {descriptor: bad}\n",
         "bad:2:1: not a whole number in its shortest form"},
        {"unknown key of a relay", head + site.relays + "  - {descriptor: relay-0a, owner: x}\n",
         "network.yaml:11:28: unknown key \"owner\""},
        {"relay twice", head + site.relays + "  - {descriptor: relay-0a}\n", "is listed twice"},
        {"capacity", head + site.relays + "  - {descriptor: relay-0a, capacity: 0}\n",
         "network.yaml:11:38: out of range; use 1 to 1000000"},
    };
    for (const auto& row : rows) {
        INFO(std::string{row.name});
        const auto error = site.error(row.text);
        CHECK_MESSAGE(error.find(row.error) != std::string::npos, error);
    }
}

TEST_CASE("trust anchors are read back as they were saved, and nothing else is taken for them") {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "network.yaml";
    auto anchors = test::make_network(3, {.authorities = 4}).anchors;
    anchors.gateways[0].address = {"2001:db8::1", 9000};
    node::config::save_anchors(file, anchors);
    CHECK(node::config::load_anchors(file) == anchors);
    const auto good = read(file);
    const auto key = base::to_hex(anchors.authorities[0].bytes);
    const auto with = [&good](std::string what, const std::string& by) {
        auto text = good;
        return text.replace(text.find(what), what.size(), by);
    };
    struct Row {
        std::string text;
        const char* error;
    };
    const Row rows[] = {
        {"", "the key \"network\" is missing"},
        {with("\"test\"", "Test"), ":1:10: not a valid network name"},
        {with(key, std::string(64, '0')), ":3:5: a key of all zeros"},
        {with(key, base::to_hex(anchors.authorities[1].bytes)),
         ":4:5: an authority is listed twice"},
        {with(key, "12"), ":3:5: not a key or identity"},
        {with(":9008", ":0"), "port 0 cannot be reached"},
        {"network: a\nauthorities: []\ngateways: []\n", ":2:14: no authority"},
        {"network: a\nauthorities: [" + key + "]\ngateways: []\n", ":3:11: no gateway"},
        {good + "more: 1\n", "unknown key \"more\""},
    };
    for (const auto& row : rows) {
        std::ofstream{file, std::ios::binary} << row.text;
        try {
            node::config::load_anchors(file);
            FAIL_CHECK("taken");
        } catch (const node::process::ConfigError& error) {
            const std::string what = error.what();
            CHECK_MESSAGE(what.find(row.error) != std::string::npos, what);
        }
    }
}

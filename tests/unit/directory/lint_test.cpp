#include "sphinx/directory/lint.hpp"

#include <doctest/doctest.h>

#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

std::string all(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines)
        text += line + "\n";
    return text;
}

}  // namespace

TEST_CASE("the downlink has to be 1.2 (R + L), and 4.5 more than R + L") {
    struct Row {
        std::uint32_t replies, loops, least;
    };
    for (const auto& [replies, loops, least] :
         {Row{45'000, 5'000, 60'000}, Row{4'500, 500, 9'500}, Row{18'000, 4'500, 27'000},
          Row{90'000, 10'000, 120'000}, Row{22'501, 1, 27'003}}) {
        Parameters parameters;
        parameters.replies = {replies};
        parameters.client_loops = {loops};
        CHECK(least_down(parameters) == Rate{least});
    }
}

TEST_CASE(
    "at the demo's rate loops alone keep two packets in each mix, and with less they do not") {
    // By hand: a mix receives its own loops and forwards half of those of the 4 mixes of other
    // layers and of the 2 gateways: (1 + 6 / 2) * 15 per second, held for 50 ms each.
    auto network = test::make_network(1);
    auto& document = network.document;
    CHECK(loops_held(document, test::named(document, "mix-1-1")) == doctest::Approx(3.0));
    // One mix per layer: its own loops, those of two other mixes, and those of two gateways.
    auto cascade = test::make_network(1, {.mixes_per_layer = 1});
    CHECK(loops_held(cascade.document, test::named(cascade.document, "mix-2-1")) ==
          doctest::Approx(3.75));

    document.parameters.relay_loops = {10'000};
    CHECK(lint(document).empty());
    document.parameters.relay_loops = {9'990};
    const auto found = lint(document);
    CHECK(found.size() == 6);
    CHECK(found.front().starts_with("loops alone keep only 1.99 packets in relay mix-"));
}

TEST_CASE("families move the loops to the mixes that remain") {
    auto network = test::make_network(1);
    auto& document = network.document;
    for (const auto* name : {"mix-1-1", "gateway-1", "gateway-2"})
        test::named(document, name).operator_name = "alice";
    // Without the gateways' loops: (1 + 4 / 2) * 0.75. They pass mix-1-2: (1 + 4 / 2 + 2) * 0.75.
    CHECK(loops_held(document, test::named(document, "mix-1-1")) == doctest::Approx(2.25));
    CHECK(loops_held(document, test::named(document, "mix-1-2")) == doctest::Approx(3.75));
}

TEST_CASE("a rate of 0 is refused wherever it stands, before anything computes with it") {
    const struct {
        const char* name;
        Rate Parameters::*rate;
    } rates[] = {{"parameter.main-slots-per-1000s", &Parameters::main_slots},
                 {"parameter.client-loops-per-1000s", &Parameters::client_loops},
                 {"parameter.replies-per-1000s", &Parameters::replies},
                 {"parameter.down-per-1000s", &Parameters::down},
                 {"parameter.relay-loops-per-1000s", &Parameters::relay_loops}};
    for (const auto& [name, rate] : rates) {
        CAPTURE(name);
        auto document = test::make_network(1).document;
        document.parameters.*rate = {0};
        const auto found = lint(document);
        REQUIRE(found.size() == 1);
        CHECK(found[0] == std::string{name} + " is 0, not between 1 and 10000000");
        // A signed text with such a rate does not parse either.
        const auto parsed = parse(to_text(document));
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().reason.find("not between 1 and 10000000") != std::string::npos);
    }
}

TEST_CASE("an authority refuses what could not work, and says why") {
    struct Row {
        const char* name;
        void (*spoil)(Document&);
        const char* problem;
    };
    const Row rows[] = {
        {"nothing", [](Document&) {}, ""},
        {"down too low", [](Document& d) { d.parameters.down = {59'999}; },
         "down is 59.999 a second; the traffic law needs at least 60 a second"},
        {"rate out of bounds", [](Document& d) { d.parameters.main_slots = {0}; },
         "parameter.main-slots-per-1000s is 0, not between 1 and 10000000"},
        {"delay out of bounds", [](Document& d) { d.parameters.mean_delay = base::Seconds{61}; },
         "parameter.mean-delay-ms is 61000"},
        {"delay longer than what changes are announced ahead",
         [](Document& d) { d.parameters.mean_delay = base::Milliseconds{251}; },
         "mean_delay is more than 250 ms"},
        {"more replies than SURBs",
         [](Document& d) {
             d.parameters.replies = {100'001};
             d.parameters.down = {200'000};
         },
         "replies are more than twice main_slots"},
        {"as many replies as SURBs",
         [](Document& d) {
             d.parameters.replies = {100'000};
             d.parameters.down = {200'000};
         },
         ""},
        {"slots on a slow beat",
         [](Document& d) {
             d.parameters.main_slots = {36'000};
             d.parameters.client_loops = {3'900};
             d.parameters.replies = {40'000};
         },
         "a mean delay is only 1.99 gaps of the slots long; the traffic law needs 2"},
        {"replies on a slow beat", [](Document& d) { d.parameters.replies = {39'999}; },
         "a mean delay is only 1.99 gaps of the replies long; the traffic law needs 2"},
        {"a slow beat with delays as long",
         [](Document& d) {
             d.parameters.main_slots = {10'000};
             d.parameters.client_loops = {1'000};
             d.parameters.replies = {8'000};
             d.parameters.mean_delay = base::Milliseconds{250};
         },
         ""},
        {"short epochs",
         [](Document& d) {
             d.parameters.mean_delay = base::Seconds{60};
             d.parameters.epoch_length = base::Seconds{3000};
             d.epoch = {600'000};
             d.valid_from = base::Wall{base::Seconds{1'800'000'000}};
             d.valid_until = d.valid_from + base::Seconds{6000};
         },
         "epoch_length is shorter than the longest route delay"},
        {"epochs of under two minutes",
         [](Document& d) {
             d.parameters.lab = false;
             d.parameters.epoch_length = base::Seconds{119};
             d.epoch = {15'000'000};
             d.valid_from = base::Wall{base::Seconds{1'785'000'000}};
             d.valid_until = d.valid_from + base::Seconds{238};
         },
         "epoch_length is below 120 s, which only a lab network may have"},
        {"epochs of a minute in a laboratory",
         [](Document& d) {
             d.parameters.lab = true;
             d.parameters.epoch_length = base::Seconds{60};
             d.epoch = {30'000'000};
             d.valid_from = base::Wall{base::Seconds{1'800'000'000}};
             d.valid_until = d.valid_from + base::Seconds{120};
         },
         ""},
        {"epochs of less than a minute in a laboratory",
         [](Document& d) {
             d.parameters.lab = true;
             d.parameters.epoch_length = base::Seconds{59};
         },
         "parameter.epoch-length-s is 59, not between 60 and 604800"},
        {"lifetime off the steps of changes",
         [](Document& d) {
             d.parameters.session_lifetime = base::Seconds{3605};
             d.parameters.session_grid = base::Seconds{5};
         },
         "session_lifetime is not a multiple of 10 s"},
        {"grid that misses handovers",
         [](Document& d) { d.parameters.session_grid = base::Seconds{7}; },
         "session_grid does not divide session_lifetime"},
        {"keeps too many hops",
         [](Document& d) {
             std::erase_if(d.relays, [](const Relay& r) { return r.layer == 3; });
             d.parameters.fixed_hops = 3;
         },
         "fixed_hops is greater than the number of layers"},
        {"validity", [](Document& d) { d.valid_until += base::Seconds{1}; }, "is not valid from"},
        {"epoch", [](Document& d) { d.epoch = d.epoch.next(); }, "is not valid from"},
        {"no mix",
         [](Document& d) {
             std::erase_if(d.relays, [](const Relay& r) { return r.layer != 0; });
             d.parameters.fixed_hops = 0;
         },
         "there is no mix"},
        {"gap",
         [](Document& d) { std::erase_if(d.relays, [](const Relay& r) { return r.layer == 2; }); },
         "layer 2 has no mix"},
        {"no first layer",
         [](Document& d) { std::erase_if(d.relays, [](const Relay& r) { return r.layer == 1; }); },
         "layer 1 has no mix"},
        {"one gateway",
         [](Document& d) {
             std::erase_if(d.relays, [](const Relay& r) { return r.name == "gateway-2"; });
         },
         "fewer than two gateways"},
        {"no exit",
         [](Document& d) {
             for (auto& relay : d.relays)
                 relay.exit_policy.clear();
         },
         "no gateway is an exit"},
        {"one exit of two", [](Document& d) { test::named(d, "gateway-1").exit_policy.clear(); },
         ""},
        {"listed twice", [](Document& d) { d.relays.push_back(d.relays[0]); }, "is listed twice"},
        {"link key", [](Document& d) { d.relays[0].link_key = d.relays[1].link_key; },
         "has another relay's link key"},
        {"mix key", [](Document& d) { d.relays[0].mix_key = d.relays[1].next_mix_key; },
         "has another relay's mix key"},
        {"address", [](Document& d) { d.relays[0].addresses = d.relays[1].addresses; },
         "has another relay's address 127.0.0.1:"},
        {"unlistable", [](Document& d) { d.relays[0].family = "Two Words"; }, "cannot be listed"},
        {"one operator of a gateway and a mix",
         [](Document& d) {
             for (const auto* name : {"mix-1-1", "gateway-1"})
                 test::named(d, name).operator_name = "alice";
         },
         "operator alice has two positions: "},
        {"one family of mixes of two layers",
         [](Document& d) {
             for (const auto* name : {"mix-2-1", "mix-3-1"})
                 test::named(d, name).family = "birds";
         },
         "family birds has two positions: "},
        {"one operator of all mixes of a layer",
         [](Document& d) {
             for (const auto* name : {"mix-2-1", "mix-2-2"})
                 test::named(d, name).operator_name = "alice";
         },
         ""},
        {"one family of all gateways",
         [](Document& d) {
             for (const auto* name : {"gateway-1", "gateway-2"})
                 test::named(d, name).family = "birds";
         },
         "no client has an exit: one operator or family has all gateways"},
        {"too few loops", [](Document& d) { d.parameters.relay_loops = {1'000}; },
         "loops alone keep only"},
    };
    for (const auto& row : rows) {
        INFO(std::string{row.name});
        auto document = test::make_network(1).document;
        row.spoil(document);
        const auto found = all(lint(document));
        if (*row.problem == '\0')
            CHECK(found == "");
        else
            CHECK_MESSAGE(found.find(row.problem) != std::string::npos, found);
    }
    for (unsigned layers = 1; layers <= 3; ++layers) {
        for (unsigned mixes = 1; mixes <= 2; ++mixes) {
            auto document =
                test::make_network(1, {.layers = layers, .mixes_per_layer = mixes}).document;
            // Two mixes of a single layer get few loops: their own, and half of two gateways'
            // loops.
            if (layers == 1 && mixes == 2) document.parameters.relay_loops = {20'000};
            CHECK(all(lint(document)) == "");
        }
    }
}

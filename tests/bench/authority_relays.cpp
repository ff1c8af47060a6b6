// Makes the relays of a network for tests/bench/authority_memory: in each folder of an authority
// the list of all, and their descriptors for an epoch and the next one. No such relay runs: they
// are at ports of this machine that nothing listens on.
//
//     authority_relays RELAYS EPOCH EPOCH_SECONDS FOLDER…
#include <sodium.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "relay/authority/admitted.hpp"
#include "relay/authority/archive.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"

namespace {

using namespace nightjar;

constexpr std::size_t gateways_in = 10;  // one in so many relays
constexpr std::uint8_t layers = 3;

directory::Relay relay_at(std::size_t number, base::Random& random) {
    const bool gateway = number % gateways_in == 0;
    const auto layer = static_cast<std::uint8_t>(gateway ? 0 : 1 + number % layers);
    auto relay = test::random_relay(random, layer);
    relay.name = "relay-" + std::to_string(number);
    relay.addresses = {
        {"127.90." + std::to_string(number / 250) + "." + std::to_string(1 + number % 250), 9001}};
    relay.exit_policy = gateway ? "accept *:80,443" : "";
    return relay;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5 || sodium_init() < 0) return 2;
    const auto relays = std::strtoul(argv[1], nullptr, 10);
    const base::Epoch first{static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10))};
    const base::Seconds length{std::strtol(argv[3], nullptr, 10)};
    base::SystemRandom random;
    relay::authority::AdmittedList admitted;
    const std::vector<std::filesystem::path> folders{argv + 4, argv + argc};
    std::vector<relay::authority::Archive> archives;
    for (const auto& folder : folders)
        archives.emplace_back(folder);
    for (std::size_t number = 0; number < relays; ++number) {
        test::RelayKeys keys{random};
        auto relay = relay_at(number, random);
        keys.name_in(relay);
        admitted.push_back({relay.identity, "operator-" + std::to_string(number), "",
                            directory::capacity_max, false});
        for (const auto epoch : {first, first.next()}) {
            const base::Wall made{length * epoch.value - length};
            const auto text = keys.describe(relay, epoch, made, 20'000);
            for (auto& archive : archives)
                archive.keep_descriptor(epoch, relay.identity, text);
            keys.turn(random);
        }
    }
    for (const auto& folder : folders)
        node::files::replace_file(folder / "admitted", relay::authority::to_text(admitted),
                                  node::files::Durability::rename_only);
    return 0;
}

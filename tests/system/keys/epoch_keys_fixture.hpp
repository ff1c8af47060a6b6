// A relay's epoch keys with real files in a folder in memory, and times after the beginning of an
// epoch.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "relay/keys/epoch_keys.hpp"
#include "relay/operation/build.hpp"
#include "relay/operation/startup.hpp"
#include "sphinx/directory/descriptor.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nightjar::epoch_keys_test {

using namespace nightjar::relay::core;
using namespace nightjar::relay::keys;
using namespace nightjar::relay::operation;
namespace fs = std::filesystem;

inline constexpr base::Seconds epoch_length{900};
inline constexpr base::Seconds grace{4};
inline constexpr base::Epoch now{2'000'000};

inline base::Epoch plus(std::uint32_t epochs) {
    return {now.value + epochs};
}

/// So long after the beginning of `now`.
inline base::Wall after(base::Seconds time) {
    return directory::epoch_start(now, epoch_length) + time;
}

/// What the clocks say then. The wall clock may be off, and known to be so.
inline KeyTime at(base::Seconds time) {
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
            for (const auto* extension : {".key", ".part0"})
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
        CHECK(first.build == own_build());
        CHECK(second.build == first.build);
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

inline const base::MixKey none{};

}  // namespace nightjar::epoch_keys_test

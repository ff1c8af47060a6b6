// What the operator of this relay could hand to anyone now, by category: files, keys, memory, logs,
// metrics, and what the hoster sees (docs/disclosure.md). All of it is read from the running
// process when it is asked. The answer goes over the owner's control socket only, and nothing is
// written. Numbers that follow the traffic of clients are exact in a lab network only: elsewhere
// they are "none" or "some", because an answer may be shown to others.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "relay/operation/config.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::operation {

/// The facts that only the daemon has.
struct DisclosureFacts {
    RelayConfig config;
    std::filesystem::path config_file;
    base::Wall now;
    bool lab = false;
    base::Seconds epoch_length{0};
    base::Nanoseconds key_grace{0};       // a key is accepted so long after its epoch
    std::vector<base::Epoch> key_epochs;  // of the secret mix keys in memory
    bool memory_locked = true;
    base::Holdings holdings;
    std::string metrics_page;  // as it would be served now; empty: metrics are off
};

/// One line of JSON, without the line feed.
std::string to_json(const DisclosureFacts& facts);

/// The asker's side: asks a running relay, and waits at most two seconds. nullopt if none answers.
std::optional<std::string> ask_disclosure(const std::filesystem::path& control);
/// A text for people from the JSON of to_json(); nullopt if `json` is not that.
std::optional<std::string> disclosure_text(const std::string& json);

}  // namespace nightjar::relay::operation

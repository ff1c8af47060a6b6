#include "relay/operation/answers.hpp"

#include <nlohmann/json.hpp>

#include "relay/operation/startup.hpp"
#include "sphinx/crypto/kernel.hpp"

namespace nightjar::relay::operation {

using Json = nlohmann::ordered_json;

namespace {

/// A path or an error may hold bytes that are no UTF-8.
std::string text(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string version_json() {
    return text({{"program", "nightjar-relay"},
                 {"version", program_version},
                 {"kernel", crypto::to_string(crypto::kernel())}});
}

std::string check_json(const std::string& config_file, node::process::ExitCode code,
                       const std::string& error) {
    return text({{"config", config_file},
                 {"ok", code == node::process::ExitCode::ok},
                 {"exit_code", static_cast<int>(code)},
                 {"error", error}});
}

std::string confirm_clock_json(bool confirmed) {
    return text({{"confirmed", confirmed}});
}

std::string build_json(const BuildAnswer& answer) {
    Json json{{"subject", answer.subject}, {"sha256", base::to_hex(answer.hash)}};
    if (answer.manifest) {
        json["manifest"] = *answer.manifest;
        json["released"] = answer.path.has_value();
    }
    if (answer.path) json["path"] = *answer.path;
    return text(json);
}

std::string build_text(const BuildAnswer& answer) {
    auto lines = answer.subject + ": SHA-256 " + base::to_hex(answer.hash) + "\n";
    if (!answer.manifest) return lines;
    return lines + *answer.manifest + ": " +
           (answer.path ? "has it as " + *answer.path
                        : "has no nightjar-relay with this hash: another release, another build, "
                          "or a changed program") +
           "\n";
}

}  // namespace nightjar::relay::operation

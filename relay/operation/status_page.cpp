#include "relay/operation/status_page.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "relay/operation/capacity.hpp"
#include "sphinx/node/page/page.hpp"

namespace nightjar::relay::operation {

using Json = nlohmann::json;
using node::page::Mark;

namespace {

struct StateText {
    const char* state;
    Mark mark;
    const char* text;
};
constexpr std::array<StateText, 8> state_texts{{
    {"active", Mark::good, "It takes packets."},
    {"starting", Mark::wait, "It waits until the network lists it."},
    {"draining", Mark::wait, "It ends: it takes no more packets."},
    {"not_listed", Mark::bad,
     "The network does not list it with its keys, so it takes no packets."},
    {"document_expired", Mark::bad, "Its network document has ended, so it takes no packets."},
    {"document_early", Mark::bad, "Its clock says that its network document has not begun."},
    {"clock_jumped", Mark::bad, "Its clock was set, and it does not believe the new time yet."},
    {"not running", Mark::bad, "No relay answered when this page was made."},
}};

/// A value of the status as a text; empty if it is missing or of another kind.
std::string word(const Json& status, const char* key) {
    const auto found = status.find(key);
    if (found == status.end()) return {};
    if (found->is_string()) return found->get<std::string>();
    return found->is_number_unsigned() ? std::to_string(found->get<std::uint64_t>()) : "";
}

std::string list(const Json& status, const char* key) {
    std::string text;
    for (const auto& item : status.value(key, Json::array()))
        if (item.is_number_unsigned())
            text += (text.empty() ? "" : ", ") + std::to_string(item.get<std::uint64_t>());
    return text;
}

std::string time(const Json& status, const char* key) {
    constexpr std::int64_t last = 253'402'300'799;  // 9999-12-31
    const auto found = status.find(key);
    if (found == status.end() || !found->is_number_integer()) return {};
    const auto seconds = found->get<std::int64_t>();
    if (seconds <= 0 || seconds > last) return {};
    return base::utc_text(base::Wall{base::Seconds{seconds}});
}

/// The cap is part of the configuration. How much is used is traffic, which this page never shows.
std::string cap(const Json& status) {
    const auto found = status.find("traffic_month");
    if (found == status.end() || !found->is_object()) return {};
    const auto bytes = found->find("cap_bytes");
    if (bytes == found->end() || !bytes->is_number_unsigned()) return {};
    return traffic_text(bytes->get<std::uint64_t>());
}

std::vector<node::page::Fact> facts_of(const Json& status) {
    auto role = word(status, "role");
    if (role == "mix") role += " in layer " + word(status, "layer");
    const auto test = status.value("self_test", Json::object());
    const auto speed = test.is_object() ? word(test, "unwraps_per_second") : "";
    const auto reload = status.find("reload_ok");
    const bool refused = reload != status.end() && *reload == false;
    return {{"Role", role},
            {"Network", word(status, "network")},
            {"Identity", word(status, "identity")},
            {"Version", word(status, "version")},
            {"SHA-256 of its program", word(status, "build")},
            {"Epoch", word(status, "epoch")},
            {"Document valid until", time(status, "document_valid_until")},
            {"Keys of epochs", list(status, "key_epochs")},
            {"Offers in its descriptor",
             status.contains("capacity") ? word(status, "capacity") + " packets/s" : ""},
            {"Its country, as it says", word(status, "country")},
            {"Monthly cap", cap(status)},
            {"Measured at its start", speed.empty() ? "" : speed + " packets/s for a worker"},
            {"Last reload", refused ? "refused" : ""}};
}

const StateText& text_of(std::string_view state) {
    for (const auto& one : state_texts)
        if (state == one.state) return one;
    return state_texts.back();
}

}  // namespace

std::string status_page(const std::optional<std::string>& json, const std::string& name,
                        base::Wall made) {
    auto status = json ? Json::parse(*json, nullptr, false) : Json{};
    if (!status.is_object()) status = Json::object();
    const auto& state = text_of(word(status, "state"));
    const auto title = "Relay " + name;
    node::page::Page page{title + ": " + state.state, title, {state.state, state.mark}};
    page.paragraph(state.text);
    if (!status.empty()) page.facts(facts_of(status));
    return std::move(page).finish("Made at " + base::utc_text(made) +
                                  ". Nightjar shows no traffic here.");
}

}  // namespace nightjar::relay::operation

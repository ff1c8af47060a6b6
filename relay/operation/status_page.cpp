#include "relay/operation/status_page.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace nightjar::relay::operation {

using Json = nlohmann::json;

namespace {

struct StateText {
    const char* state;
    const char* mark;  // the class of its colour
    const char* text;
};
constexpr std::array<StateText, 8> state_texts{{
    {"active", "good", "It takes packets."},
    {"starting", "wait", "It waits until the network lists it."},
    {"draining", "wait", "It ends: it takes no more packets."},
    {"not_listed", "bad", "The network does not list it with its keys, so it takes no packets."},
    {"document_expired", "bad", "Its network document has ended, so it takes no packets."},
    {"document_early", "bad", "Its clock says that its network document has not begun."},
    {"clock_jumped", "bad", "Its clock was set, and it does not believe the new time yet."},
    {"not running", "bad", "No relay answered when this page was made."},
}};

constexpr const char* head = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<style>
:root { --page: #f6f7f9; --card: #fff; --text: #1c2430; --faint: #5b6675; --line: #dfe3e8;
        --good: #14713d; --wait: #8a5a00; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12161c; --card: #1b212a; --text: #e6eaf0; --faint: #9aa6b5; --line: #2d3642;
          --good: #5fd38d; --wait: #f0b952; --bad: #ff8a80; }
}
body { margin: 0; padding: 2rem 1rem; background: var(--page); color: var(--text);
       font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 44rem; margin: auto; padding: 1.5rem; background: var(--card);
       border: 1px solid var(--line); border-radius: .75rem; }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; }
.state { display: inline-block; padding: 0 .6rem; border: 1px solid; border-radius: 1rem;
         font-size: 1rem; font-weight: 600; vertical-align: middle; }
.good { color: var(--good); } .wait { color: var(--wait); } .bad { color: var(--bad); }
p, footer { color: var(--faint); }
table { width: 100%; border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .45rem 0; border-top: 1px solid var(--line); text-align: left;
         vertical-align: top; }
th { width: 12rem; padding-right: 1rem; font-weight: 500; color: var(--faint); }
td { overflow-wrap: anywhere; }
footer { font-size: .85rem; }
</style>
)";

std::string escaped(const std::string& text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            case '\'':
                safe += "&#39;";
                break;
            default:
                safe += c;
        }
    }
    return safe;
}

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

std::string row(const char* what, const std::string& value) {
    if (value.empty()) return {};
    return std::string{"<tr><th scope=\"row\">"} + what + "</th><td>" + escaped(value) +
           "</td></tr>\n";
}

std::string table(const Json& status) {
    auto role = word(status, "role");
    if (role == "mix") role += " in layer " + word(status, "layer");
    const auto test = status.value("self_test", Json::object());
    const auto speed = test.is_object() ? word(test, "unwraps_per_second") : "";
    const auto reload = status.find("reload_ok");
    const bool refused = reload != status.end() && *reload == false;
    return "<table>\n" + row("Role", role) + row("Network", word(status, "network")) +
           row("Identity", word(status, "identity")) + row("Version", word(status, "version")) +
           row("SHA-256 of its program", word(status, "build")) +
           row("Epoch", word(status, "epoch")) +
           row("Document valid until", time(status, "document_valid_until")) +
           row("Keys of epochs", list(status, "key_epochs")) +
           row("Measured at its start", speed.empty() ? "" : speed + " packets/s for a worker") +
           row("Last reload", refused ? "refused" : "") + "</table>\n";
}

const StateText& text_of(const std::string& state) {
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
    const auto title = escaped("Relay " + name);
    std::string page = head;
    page += "<title>" + title + ": " + state.state + "</title>\n</head>\n<body>\n<main>\n<h1>" +
            title + " <span class=\"state " + state.mark + "\">" + state.state +
            "</span></h1>\n<p>" + state.text + "</p>\n";
    if (!status.empty()) page += table(status);
    return page + "<footer>Made at " + base::utc_text(made) +
           ". Nightjar shows no traffic here.</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace nightjar::relay::operation

#include "relay/doctor/finding.hpp"

#include <algorithm>
#include <array>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

namespace nightjar::relay::doctor {

namespace {

constexpr std::array<const char*, 3> words{"ok", "warn", "bad"};

const char* word(Health health) {
    return words[static_cast<std::size_t>(health)];
}

std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

}  // namespace

Finding ok(std::string name, std::string seen) {
    return {std::move(name), Health::ok, std::move(seen), {}};
}
Finding warn(std::string name, std::string seen, std::string mend) {
    return {std::move(name), Health::warn, std::move(seen), std::move(mend)};
}
Finding bad(std::string name, std::string seen, std::string mend) {
    return {std::move(name), Health::bad, std::move(seen), std::move(mend)};
}

Finding from_error(std::string name, Health health, std::string_view line) {
    const auto cut = line.rfind("; ");
    if (cut == line.npos) return {std::move(name), health, std::string{line}, "see the log"};
    return {std::move(name), health, std::string{line.substr(0, cut)},
            std::string{line.substr(cut + 2)}};
}

Health worst(std::span<const Finding> findings) {
    auto health = Health::ok;
    for (const auto& finding : findings)
        health = std::max(health, finding.health);
    return health;
}

std::string to_json(std::span<const Finding> findings) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& finding : findings) {
        list.push_back({{"name", finding.name},
                        {"health", word(finding.health)},
                        {"seen", printable(finding.seen)},
                        {"mend", printable(finding.mend)}});
    }
    return nlohmann::ordered_json{{"health", word(worst(findings))}, {"findings", list}}.dump();
}

std::string to_people(std::span<const Finding> findings) {
    constexpr int name_width = 16;
    std::ostringstream out;
    out << std::left;
    for (const auto health : {Health::bad, Health::warn, Health::ok}) {
        for (const auto& finding : findings) {
            if (finding.health != health) continue;
            out << std::setw(6) << word(health) << std::setw(name_width) << finding.name
                << printable(finding.seen) << "\n";
            if (!finding.mend.empty())
                out << std::setw(6 + name_width) << ""
                    << "mend: " << printable(finding.mend) << "\n";
        }
    }
    return out.str();
}

}  // namespace nightjar::relay::doctor

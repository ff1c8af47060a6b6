#include "sphinx/node/scrape/open_metrics.hpp"

#include <algorithm>

namespace nightjar::node::scrape {
namespace {

constexpr std::string_view total = "_total";

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// Cuts the part before `mark` off the front of `rest`.
std::string_view next_part(std::string_view& rest, char mark) {
    const auto end = rest.find(mark);
    const auto part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return trimmed(part);
}

/// A weight of RFC 9110, section 12.4.2, in thousandths; 0 if it is none.
int weight(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
    int value = (text[0] - '0') * 1000;
    if (text.size() > 1 && text[1] != '.') return 0;
    int unit = 100;
    for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
        if (text[i] < '0' || text[i] > '9') return 0;
        value += (text[i] - '0') * unit;
    }
    return std::min(value, 1000);
}

int weight_of(std::string_view accept, std::string_view type) {
    int best = 0;
    while (!accept.empty()) {
        auto range = next_part(accept, ',');
        if (next_part(range, ';') != type) continue;
        int given = 1000;
        while (!range.empty()) {
            const auto parameter = next_part(range, ';');
            if (parameter.starts_with("q=")) given = weight(parameter.substr(2));
        }
        best = std::max(best, given);
    }
    return best;
}

}  // namespace

bool prefers_open_metrics(std::string_view accept) {
    const auto open = weight_of(accept, "application/openmetrics-text");
    return open > 0 && open >= weight_of(accept, "text/plain");
}

std::string to_open_metrics(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 16);
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size() - 1);
        const auto line = text.substr(0, end + 1);
        text.remove_prefix(end + 1);
        // A family of counters is named without the suffix that its samples have.
        const bool about = line.starts_with("# HELP ") || line.starts_with("# TYPE ");
        const auto name_end = about ? line.find(' ', 7) : std::string_view::npos;
        if (about && name_end != std::string_view::npos &&
            line.substr(0, name_end).ends_with(total)) {
            out += line.substr(0, name_end - total.size());
            out += line.substr(name_end);
        } else {
            out += line;
        }
    }
    return out + "# EOF\n";
}

}  // namespace nightjar::node::scrape

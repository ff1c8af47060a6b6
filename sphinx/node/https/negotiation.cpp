#include "sphinx/node/https/negotiation.hpp"

#include <algorithm>

namespace nightjar::node::https {

namespace {

std::string_view trimmed(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// The part before the separator; takes it and the separator from `rest`.
std::string_view next(std::string_view& rest, char separator) {
    const auto end = std::min(rest.find(separator), rest.size());
    const auto part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return trimmed(part);
}

bool same_word(std::string_view a, std::string_view lower) {
    const auto same = [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; };
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), same);
}

bool is_zero_weight(std::string_view parameter) {
    if (parameter.size() < 3 || !same_word(parameter.substr(0, 2), "q=")) return false;
    return parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
}

std::string_view opaque(std::string_view etag) {
    return etag.starts_with("W/") ? etag.substr(2) : etag;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
    while (!accept_encoding.empty()) {
        auto coding = next(accept_encoding, ',');
        if (!same_word(next(coding, ';'), "gzip")) continue;
        while (!coding.empty())
            if (is_zero_weight(next(coding, ';'))) return false;
        return true;
    }
    return false;
}

bool matches(std::string_view if_none_match, std::string_view etag) {
    // No tag of ours has a comma.
    while (!if_none_match.empty()) {
        const auto one = next(if_none_match, ',');
        if (one == "*" || (!one.empty() && opaque(one) == opaque(etag))) return true;
    }
    return false;
}

}  // namespace nightjar::node::https

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

constexpr unsigned full_weight = 1000;

/// In thousandths: 0, 0.5, 1.000. Zero for what is no weight: such a coding is not sent.
unsigned parse_weight(std::string_view text) {
    constexpr std::size_t digits_end = 5;  // a digit, a point and three digits
    if (text.empty() || text.size() > digits_end || (text.size() > 1 && text[1] != '.')) return 0;
    unsigned weight = 0;
    for (std::size_t at = 0; at < digits_end; ++at) {
        if (at == 1) continue;
        const char digit = at < text.size() ? text[at] : '0';
        if (digit < '0' || digit > '9') return 0;
        weight = 10 * weight + static_cast<unsigned>(digit - '0');
    }
    return weight <= full_weight ? weight : 0;
}

/// Of a coding with these parameters.
unsigned weight_of(std::string_view parameters) {
    while (!parameters.empty()) {
        const auto one = next(parameters, ';');
        if (one.size() > 2 && same_word(one.substr(0, 2), "q=")) return parse_weight(one.substr(2));
    }
    return full_weight;
}

std::string_view opaque(std::string_view etag) {
    return etag.starts_with("W/") ? etag.substr(2) : etag;
}

}  // namespace

std::string_view name_of(Coding coding) {
    return coding == Coding::zstd ? "zstd" : coding == Coding::gzip ? "gzip" : "";
}

Coding accepted_coding(std::string_view accept_encoding) {
    unsigned gzip = 0, zstd = 0;
    while (!accept_encoding.empty()) {
        auto parameters = next(accept_encoding, ',');
        const auto name = next(parameters, ';');
        if (same_word(name, name_of(Coding::gzip))) gzip = weight_of(parameters);
        if (same_word(name, name_of(Coding::zstd))) zstd = weight_of(parameters);
    }
    if (gzip == 0 && zstd == 0) return Coding::none;
    return zstd >= gzip ? Coding::zstd : Coding::gzip;
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

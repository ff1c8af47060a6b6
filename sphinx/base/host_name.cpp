#include "sphinx/base/host_name.hpp"

#include <algorithm>

namespace nightjar::base {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name_character(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

bool is_number(std::string_view label) {
    return std::all_of(label.begin(), label.end(), is_digit) || label.starts_with("0x") ||
           label.starts_with("0X");
}

}  // namespace

bool is_host_name(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > 253) return false;
    for (;;) {
        const auto dot = name.find('.');
        const auto label = name.substr(0, dot);
        if (label.empty() || label.size() > 63) return false;
        if (!std::all_of(label.begin(), label.end(), is_name_character)) return false;
        if (dot == name.npos) return !is_number(label);
        name.remove_prefix(dot + 1);
    }
}

}  // namespace nightjar::base

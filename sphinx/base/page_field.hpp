// How a listener on this machine knows a request that a browser makes for a page. A page of any
// site can have its browser ask loopback addresses. It may not read the answer, but it sees
// whether one came and whether its status says success. Pure; any thread.
#pragma once

#include <algorithm>
#include <string_view>

namespace nightjar::base {

/// True for the name of a field of HTTP, in any case, that browsers send because of a page, and
/// that neither a proxy nor a reader of metrics needs. A page can leave out Referer, but not
/// Sec-Fetch-Site, which browsers send to addresses of this machine also without TLS.
inline bool is_page_field(std::string_view name) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    const auto is = [lower](std::string_view a, std::string_view b) {
        return std::ranges::equal(a, b, {}, lower);
    };
    return (name.size() > 4 && is(name.substr(0, 4), "sec-")) || is(name, "origin") ||
           is(name, "referer") || is(name, "cookie");
}

}  // namespace nightjar::base

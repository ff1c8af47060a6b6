// A client's status for people: as lines, and as a page. Pure functions.
//
// Names that applications and relays choose may hold anything. Here they are shown in ASCII, with
// all other characters escaped, so that they can neither act on a terminal nor on a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nightjar::client::operation {

struct StatusRow {
    std::string section;  // empty for the first rows
    std::string name;
    std::string text;
};

/// `status`: what the client answered, JSON text.
std::vector<StatusRow> status_rows(std::string_view status);
/// What the link costs, for `nightjar status --cost`.
std::vector<StatusRow> cost_rows(std::string_view status);

std::string to_text(const std::vector<StatusRow>& rows);
/// A whole page, which loads nothing else. Light or dark, as the reader's browser prefers.
std::string to_page(const std::vector<StatusRow>& rows);

}  // namespace nightjar::client::operation

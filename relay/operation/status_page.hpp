// `nightjar-relay status --html`: one page for a browser, to be put on a web server or opened as a
// file. It shows static facts only (docs/metrics.md, class S): no traffic, no links, no loops, in a
// lab neither, so everyone may see it. It loads nothing, runs nothing, and forbids the browser
// both. Pure.
#pragma once

#include <optional>
#include <string>

#include "sphinx/base/time.hpp"

namespace nightjar::relay::operation {

/// `json`: what a relay has answered to ask_status(); nullopt if none answered. What is no status
/// makes the page of a relay that did not answer. `name`: the relay's, by its configuration.
std::string status_page(const std::optional<std::string>& json, const std::string& name,
                        base::Wall made);

}  // namespace nightjar::relay::operation

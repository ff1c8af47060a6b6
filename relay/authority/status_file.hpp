// Where the status page lies: `status.html` in the authority's folder, written with each document.
#pragma once

#include <filesystem>
#include <optional>
#include <set>

#include "relay/authority/registry.hpp"
#include "relay/authority/status_page.hpp"
#include "sphinx/node/https/message.hpp"

namespace nightjar::relay::authority {

/// `left_out`: by the rules of documents. What `registry` knows beside it is added. `described`:
/// the relays that have given other authorities a descriptor for the document's epoch. Throws
/// std::system_error.
void write_status_file(const std::filesystem::path& folder, const directory::Document& document,
                       StatusRecord record, const Registry& registry,
                       const std::set<base::NodeId>& described);
/// The page; nullopt while no document was made.
std::optional<std::string> read_status_file(const std::filesystem::path& folder);
/// GET or HEAD of /status.html; nullopt for any other target.
std::optional<node::https::Answer> status_answer(const std::filesystem::path& folder,
                                                 const node::https::Request& request);

}  // namespace nightjar::relay::authority

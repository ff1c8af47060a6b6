// The answers about documents, the same for one authority and for several.
#pragma once

#include <string>
#include <string_view>

#include "relay/authority/pages.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/https/message.hpp"

namespace nightjar::relay::authority {

/// One line for a person.
node::https::Answer line(unsigned status, std::string text);
/// A decimal number in its shortest form.
std::optional<base::Epoch> parse_epoch(std::string_view text);

/// GET /document, /document/EPOCH, /diff/EPOCH or /descriptors/EPOCH. Precondition: the target is
/// one of them.
node::https::Answer document_answer(const Archive& archive, PageStore& pages,
                                    const node::https::Request& request, base::Seconds epoch_length,
                                    base::Wall now);

/// What a request asks for; the answer that refuses it, if no caller may ask for that.
struct Routed {
    enum class What { descriptor, document, other, refused } what;
    node::https::Answer refusal;
};
Routed route(const node::https::Request& request);
/// The target without its query.
std::string_view path_of(const node::https::Request& request);

}  // namespace nightjar::relay::authority

#include "relay/authority/core/document_signatures.hpp"

#include <algorithm>

#include "sphinx/directory/signature.hpp"

namespace nightjar::relay::authority::core {

DocumentSignatures::DocumentSignatures(const Council& council, directory::Document document)
    : council_{council}, document_{std::move(document)} {
    document_.signatures.clear();
    directory::sort(document_);
    text_ = directory::signed_text(document_);
}

bool DocumentSignatures::add(const directory::Signature& signature) {
    auto& held = document_.signatures;
    if (!council_.index_of(signature.authority) ||
        std::any_of(held.begin(), held.end(),
                    [&](const auto& other) { return other.authority == signature.authority; }) ||
        !directory::verifies(text_, signature))
        return false;
    held.push_back(signature);
    directory::sort(document_);
    return true;
}

}  // namespace nightjar::relay::authority::core

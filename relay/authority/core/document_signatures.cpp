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
                    [&](const auto& other) { return other.authority == signature.authority; }))
        return false;
    if (!directory::verifies(text_, signature)) {
        misfits_ = true;
        return false;
    }
    held.push_back(signature);
    directory::sort(document_);
    return true;
}

std::string first_difference(std::string_view text, std::string_view other) {
    if (text == other) return {};
    const auto differs = std::mismatch(text.begin(), text.end(), other.begin(), other.end());
    const auto at = static_cast<std::size_t>(differs.first - text.begin());
    const auto end_of_last = at == 0 ? text.npos : text.rfind('\n', at - 1);
    const auto line = text.substr(end_of_last == text.npos ? 0 : end_of_last + 1);
    const auto name = line.substr(0, line.find_first_of(" \n"));
    return name.empty() ? "the end" : std::string{name};
}

}  // namespace nightjar::relay::authority::core

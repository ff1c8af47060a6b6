// Ed25519 signatures over a text; a Signature includes the signer's public key.
#pragma once

#include <string_view>

#include "sphinx/base/secret.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

Signature sign_text(std::string_view text, const base::Secret<32>& seed);
/// Also returns false for keys of small order, which would accept signatures that no key holder
/// made.
bool verifies(std::string_view text, const Signature& signature);

}  // namespace nightjar::directory

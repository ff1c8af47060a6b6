// Ed25519 over a text; the signer's key goes with the signature.
#pragma once

#include <string_view>

#include "sphinx/base/secret.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

Signature sign_text(std::string_view text, const base::Secret<32>& seed);
/// False also for keys of small order, which would verify signatures that nobody made.
bool verifies(std::string_view text, const Signature& signature);

}  // namespace nightjar::directory

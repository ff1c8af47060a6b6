#include "sphinx/directory/signature.hpp"

#include <sodium.h>

namespace nightjar::directory {

Signature sign_text(std::string_view text, const base::Secret<32>& seed) {
    Signature made;
    base::Secret<crypto_sign_SECRETKEYBYTES> expanded;
    crypto_sign_seed_keypair(made.authority.bytes.data(), expanded.data(), seed.data());
    const auto bytes = base::as_bytes(text);
    crypto_sign_detached(made.signature.data(), nullptr, bytes.data(), bytes.size(),
                         expanded.data());
    return made;
}

bool verifies(std::string_view text, const Signature& signature) {
    const auto bytes = base::as_bytes(text);
    return crypto_sign_verify_detached(signature.signature.data(), bytes.data(), bytes.size(),
                                       signature.authority.bytes.data()) == 0;
}

}  // namespace nightjar::directory

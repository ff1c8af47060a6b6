#include "relay/operation/build.hpp"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <memory>

#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {

namespace {

/// A link to the program's inode, not to its name.
constexpr const char* own_file = "/proc/self/exe";

// OpenSSL's SHA-256 uses the processor's instructions for it; libsodium's does not.
directory::BuildHash hash_of_file(const char* name) {
    std::ifstream file{name, std::ios::binary};
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash{EVP_MD_CTX_new(),
                                                                       &EVP_MD_CTX_free};
    bool ok = file && hash && EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) == 1;
    std::array<char, 64 * 1024> part;
    while (ok && file) {
        file.read(part.data(), part.size());
        ok =
            EVP_DigestUpdate(hash.get(), part.data(), static_cast<std::size_t>(file.gcount())) == 1;
    }
    directory::BuildHash result{};
    if (ok && file.eof() && EVP_DigestFinal_ex(hash.get(), result.data(), nullptr) == 1)
        return result;
    throw node::process::StartupError{
        node::process::ExitCode::key_or_permission,
        std::string{name} +
            ": the program cannot read its own file, whose hash its descriptor names; mount /proc, "
            "and let the relay's user read the program"};
}

}  // namespace

const directory::BuildHash& own_build() {
    static const auto hash = hash_of_file(own_file);
    return hash;
}

}  // namespace nightjar::relay::operation

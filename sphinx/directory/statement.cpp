#include "sphinx/directory/statement.hpp"

#include <sodium.h>

#include "sphinx/base/bytes.hpp"

namespace nightjar::directory {

std::string_view signed_part(std::string_view text) {
    const auto end = text.find("\nsignature ");
    return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

std::string etag(base::Epoch epoch, std::string_view signed_part) {
    base::ByteArray<32> hash{};
    const auto bytes = base::as_bytes(signed_part);
    crypto_generichash(hash.data(), hash.size(), bytes.data(), bytes.size(), nullptr, 0);
    return "W/\"" + std::to_string(epoch.value) + "-" +
           base::to_hex(base::ByteView{hash}.first(16)) + "\"";
}

}  // namespace nightjar::directory

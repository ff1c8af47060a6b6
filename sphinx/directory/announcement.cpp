#include "sphinx/directory/announcement.hpp"

#include <sodium.h>

#include <algorithm>
#include <charconv>

#include "sphinx/directory/parameter_fields.hpp"

namespace nightjar::directory {

base::ByteArray<32> parameters_hash(const Parameters& parameters) {
    std::string text;
    put_parameters(text, parameters);
    base::ByteArray<32> hash{};
    const auto bytes = base::as_bytes(text);
    crypto_generichash(hash.data(), hash.size(), bytes.data(), bytes.size(), nullptr, 0);
    return hash;
}

OptionalLine to_line(const Announcement& announcement) {
    const auto epoch = std::to_string(announcement.from.value);
    return {std::string{announcement_name}, epoch + " " + base::to_hex(announcement.hash)};
}

std::optional<Announcement> announcement_in(const OptionalLines& document) {
    const auto value = value_of(document, announcement_name);
    Announcement read;
    const auto* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, read.from.value);
    if (error != std::errc{} || stop == end) return std::nullopt;
    const auto hash = base::from_hex({stop + 1, static_cast<std::size_t>(end - stop - 1)});
    if (!hash || hash->size() != read.hash.size()) return std::nullopt;
    std::copy(hash->begin(), hash->end(), read.hash.begin());
    // One text for each meaning.
    if (to_line(read).value != value) return std::nullopt;
    return read;
}

}  // namespace nightjar::directory

// Reads the folder of test vectors as JSON. Every accessor throws on a missing or malformed field,
// so an incomplete file fails the test instead of passing it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::vectors {

using Json = nlohmann::json;

/// Reads a file from the folder named by NIGHTJAR_VECTORS, or from this tree's tests/vectors.
Json load(const std::string& file);

/// The non-empty list `list` of `file`.
std::vector<Json> cases(const std::string& file, const std::string& list);

/// The cases of `list` in `file`, plus this tree's own cases: `own_list` in nightjar.json, which is
/// always read from this tree.
std::vector<Json> cases_and_own(const std::string& file, const std::string& list,
                                const std::string& own_list);

base::Bytes hex(const Json& value);
inline base::Bytes hex(const Json& object, const char* field) {
    return hex(object.at(field));
}

/// A fixed-size id or key.
template <class IdType>
IdType id(const Json& object, const char* field) {
    const auto found = IdType::from(hex(object, field));
    if (!found) throw std::runtime_error(std::string{"wrong length: "} + field);
    return *found;
}
template <class SecretType>
SecretType secret(const Json& object, const char* field) {
    const auto bytes = hex(object, field);
    if (bytes.size() != SecretType::size())
        throw std::runtime_error(std::string{"wrong length: "} + field);
    return SecretType{std::span<const std::uint8_t, SecretType::size()>{bytes}};
}

/// The nodes and delays of a case. Error bad_route if they are not a valid route.
base::Result<std::vector<packet::Hop>, packet::Error> route(const Json& object);
/// initial_secret and, where the case has it, final_padding.
packet::HeaderRandomness randomness(const Json& object);

}  // namespace nightjar::vectors

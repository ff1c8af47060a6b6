#include "tests/vectors/vectors.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace nightjar::vectors {

static Json load_from(const std::string& folder, const std::string& file) {
    const std::string path = folder + "/" + file;
    std::ifstream in{path};
    if (!in) throw std::runtime_error("cannot read " + path);
    return Json::parse(in);
}

Json load(const std::string& file) {
    const char* folder = std::getenv("NIGHTJAR_VECTORS");
    return load_from(folder ? folder : NIGHTJAR_VECTORS_DEFAULT, file);
}

static std::vector<Json> list_of(const Json& file, const std::string& list) {
    const auto all = file.at(list).get<std::vector<Json>>();
    if (all.empty()) throw std::runtime_error("no case in " + list);
    return all;
}

std::vector<Json> cases(const std::string& file, const std::string& list) {
    return list_of(load(file), list);
}

std::vector<Json> cases_and_own(const std::string& file, const std::string& list,
                                const std::string& own_list) {
    auto all = cases(file, list);
    for (auto& own : list_of(load_from(NIGHTJAR_VECTORS_DEFAULT, "nightjar.json"), own_list))
        all.push_back(std::move(own));
    return all;
}

base::Bytes hex(const Json& value) {
    const auto bytes = base::from_hex(value.get<std::string>());
    if (!bytes) throw std::runtime_error("not lower-case hexadecimal");
    return *bytes;
}

base::Result<std::vector<packet::Hop>, packet::Error> route(const Json& object) {
    std::vector<base::NodeId> addresses;
    std::vector<packet::PublicKey> keys;
    for (const auto& node : object.at("nodes")) {
        addresses.push_back(id<base::NodeId>(node, "address"));
        keys.push_back(id<packet::PublicKey>(node, "public"));
    }
    return packet::make_route(addresses, keys,
                              object.at("delays_ns").get<std::vector<std::uint64_t>>());
}

packet::HeaderRandomness randomness(const Json& object) {
    packet::HeaderRandomness drawn;
    drawn.initial_secret = secret<packet::SecretKey>(object, "initial_secret");
    if (object.contains("final_padding")) {
        const auto padding = hex(object, "final_padding");
        if (padding.size() > drawn.final_padding.size()) throw std::runtime_error("padding");
        std::copy(padding.begin(), padding.end(), drawn.final_padding.begin());
    }
    return drawn;
}

}  // namespace nightjar::vectors

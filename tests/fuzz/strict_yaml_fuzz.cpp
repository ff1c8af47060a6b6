// Any file: refused in one line that names a place and a mend, or read to its end. Every scalar is
// tried as every type.
#include "sphinx/node/strict_yaml.hpp"

#include <cstdlib>

using namespace nightjar;
using namespace nightjar::node;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

/// Runs `read`; a refusal has to be of the promised form.
template <class Read>
void attempt(Read read) {
    try {
        read();
    } catch (const ConfigError& error) {
        const std::string_view line = error.what();
        require(line.starts_with("f.yaml:") && line.find("; ") != line.npos);
    }
}

void try_all(const YamlValue& value, int depth) {
    attempt([&] { value.as<std::string>(); });
    attempt([&] { value.as<bool>(); });
    attempt([&] { value.as<std::uint16_t>(); });
    attempt([&] { value.as<std::uint64_t>(); });
    attempt([&] { value.as<double>(); });
    attempt([&] { require(value.as<base::Nanoseconds>().count() >= 0); });
    attempt([&] { value.as<base::Seconds>(); });
    attempt([&] { require(value.as<directory::Endpoint>().port != 0); });
    attempt([&] { value.as<base::NodeId>(); });
    require(depth < 20);
    attempt([&] {
        for (const auto& item : value.list())
            try_all(item, depth + 1);
    });
    attempt([&] {
        auto map = value.map();
        if (const auto inner = map.find("a")) try_all(*inner, depth + 1);
        map.done();
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    attempt([&] {
        const auto file = YamlFile::parse("f.yaml", text);
        auto map = file.map();
        for (const auto* key : {"a", "b", "relays"}) {
            if (const auto value = map.find(key)) try_all(*value, 0);
        }
        map.done();
    });
    return 0;
}

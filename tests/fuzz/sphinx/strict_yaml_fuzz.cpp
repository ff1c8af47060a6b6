// Any file: refused in one line that names a place and a mend, or read to its end. Every scalar is
// tried as every type.
#include "sphinx/node/config/strict_yaml.hpp"

#include <cstdlib>

#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::node::config;
using namespace nightjar::node::process;

namespace {

fuzz::Depth whole{"the end of a file without a refusal"};
fuzz::Depth text{"a text"};
fuzz::Depth truth{"a yes or no"};
fuzz::Depth number{"a number"};
fuzz::Depth fraction{"a number with a fraction"};
fuzz::Depth duration{"a duration"};
fuzz::Depth endpoint{"an address with a port"};
fuzz::Depth identity{"a relay's identity"};
fuzz::Depth nested{"a value inside another one"};
fuzz::Depth refused{"a refusal"};

/// Runs `read`; a refusal has to be of the promised form.
template <class Read>
void attempt(Read read) {
    try {
        read();
    } catch (const ConfigError& error) {
        const std::string_view line = error.what();
        require(line.starts_with("f.yaml:") && line.find("; ") != line.npos);
        refused.reach();
    }
}

void try_all(const YamlValue& value, int depth) {
    attempt([&] { value.as<std::string>(), text.reach(); });
    attempt([&] { value.as<bool>(), truth.reach(); });
    attempt([&] { value.as<std::uint16_t>(); });
    attempt([&] { value.as<std::uint64_t>(), number.reach(); });
    attempt([&] { value.as<double>(), fraction.reach(); });
    attempt([&] { require(value.as<base::Nanoseconds>().count() >= 0), duration.reach(); });
    attempt([&] { value.as<base::Seconds>(); });
    attempt([&] { require(value.as<directory::Endpoint>().port != 0), endpoint.reach(); });
    attempt([&] { value.as<base::NodeId>(), identity.reach(); });
    if (depth > 0) nested.reach();
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
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    attempt([&] {
        const auto file = YamlFile::parse("f.yaml", input);
        auto map = file.map();
        for (const auto* key : {"a", "b", "relays"}) {
            if (const auto value = map.find(key)) try_all(*value, 0);
        }
        map.done();
        whole.reach();
    });
    return 0;
}

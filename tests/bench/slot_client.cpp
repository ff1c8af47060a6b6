// The client as it is, for slot_bench, which must know when each slot was due. In production only
// the client knows it: the place of a slot in its gap comes from a random stream of its own. So
// this program writes down the key of each such stream, and replays one.
//
//   slot_client run CONFIG KEYS     the client; appends each key to the file KEYS, in hex
//   slot_client places KEY COUNT    the stream's phase, and the place of COUNT slots in their gaps
//
// The linker passes every construction of a ForkedRandom through the function below (--wrap).
#include <sodium.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "client/daemon.hpp"
#include "client/operation/config.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/node/process/exit_code.hpp"

using namespace nightjar;

namespace {

std::string keys_file;

/// Passes on what another generator yields, and writes it down.
class Noted final : public base::Random {
 public:
    explicit Noted(base::Random& from) : from_{from} {}
    void fill(base::ByteSpan out) override {
        from_.fill(out);
        if (keys_file.empty()) return;
        std::FILE* file = std::fopen(keys_file.c_str(), "a");
        if (file == nullptr) std::abort();
        for (const auto byte : out)
            std::fprintf(file, "%02x", static_cast<unsigned>(byte));
        std::fputc('\n', file);
        std::fclose(file);
    }

 private:
    base::Random& from_;
};

/// Yields a key once.
class Key final : public base::Random {
 public:
    explicit Key(const std::string& hex) {
        if (sodium_hex2bin(bytes_.data(), bytes_.size(), hex.data(), hex.size(), nullptr, nullptr,
                           nullptr) != 0)
            std::abort();
    }
    void fill(base::ByteSpan out) override { std::ranges::copy(bytes_, out.begin()); }

 private:
    base::ByteArray<32> bytes_{};
};

}  // namespace

// The linker's names for the constructor: `__real_` is the product's.
extern "C" void __real__ZN8nightjar4base12ForkedRandomC1ERNS0_6RandomE(base::ForkedRandom*,
                                                                       base::Random&);
extern "C" void __wrap__ZN8nightjar4base12ForkedRandomC1ERNS0_6RandomE(base::ForkedRandom* self,
                                                                       base::Random& parent) {
    Noted noted{parent};
    __real__ZN8nightjar4base12ForkedRandomC1ERNS0_6RandomE(self, noted);
}

int main(int argc, char** argv) {
    const std::string mode = argc == 4 ? argv[1] : "";
    if (mode == "run") {
        keys_file = argv[3];
        return node::process::run_main("slot_client", [&] {
            return client::run_daemon(client::operation::load_config(argv[2]));
        });
    }
    if (mode == "places") {
        Key key{argv[2]};
        base::ForkedRandom places{key};
        std::printf("%.17g\n", places.unit());  // the phase
        for (long count = std::atol(argv[3]); count > 0; --count)
            std::printf("%.17g\n", directory::place_in_gap(places.unit()));
        return 0;
    }
    std::fprintf(stderr, "slot_client run CONFIG KEYS | slot_client places KEY COUNT\n");
    return 2;
}

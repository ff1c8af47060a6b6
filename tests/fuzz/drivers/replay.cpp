// Gives a fuzz target the inputs of a folder, once each: what was found stays found in every build,
// and the inputs reach every place that the target names (depth.hpp). Each place is one check.
//   NAME_replay FOLDER
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "tests/fuzz/depth.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    std::size_t inputs = 0;
    for (const auto& entry : std::filesystem::directory_iterator{argv[1]}) {
        std::ifstream in{entry.path(), std::ios::binary};
        const std::vector<char> bytes{std::istreambuf_iterator<char>{in}, {}};
        // Before, because a finding ends the program.
        std::cout << entry.path().filename().string() << std::endl;
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        ++inputs;
    }
    using nightjar::fuzz::Depth;
    const auto missed = Depth::print();
    if (missed > 0) std::cout << "no input reached the places with 0 above\n";
    std::cout << "measured: " << inputs << " inputs\n";
    std::cout << Depth::count() - missed << " passed, " << missed << " failed\n";
    return inputs == 0 || Depth::count() == 0 || missed > 0 ? 1 : 0;
}

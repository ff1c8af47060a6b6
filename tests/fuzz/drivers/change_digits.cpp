// How libFuzzer changes an input of the target `document`. Its own changes nearly always break the
// strict grammar, and it makes up to five in a row. So seven changes in eight only write other
// digits in the place of some: most documents then still parse, and mean something else.
#include <cctype>
#include <cstddef>
#include <cstdint>

#include "sphinx/base/random.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

void change_digit(std::uint8_t* data, std::size_t size, nightjar::base::Random& random) {
    const auto start = random.u64() % size;
    for (std::size_t i = 0; i < size; ++i) {
        auto& byte = data[(start + i) % size];
        if (std::isdigit(byte) == 0) continue;
        byte = static_cast<std::uint8_t>('0' + random.u64() % 10);
        return;
    }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
    nightjar::base::SeededRandom random{seed};
    if (size == 0 || random.u64() % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
    for (auto changes = 1 + random.u64() % 3; changes > 0; --changes)
        change_digit(data, size, random);
    return size;
}

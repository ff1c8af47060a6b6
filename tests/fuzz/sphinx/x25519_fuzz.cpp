// Every kernel against libsodium, by ladder and by table: the input is scalars and points, 64 bytes
// a pair.
#include <sodium.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "sphinx/crypto/scalar_chain.hpp"
#include "sphinx/crypto/x25519_kernels.hpp"
#include "sphinx/packet/known_keys.hpp"
#include "tests/fuzz/depth.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

fuzz::Depth multiplied{"a product that is not zero"};
fuzz::Depth low_order{"a point of low order"};
fuzz::Depth by_table{"a product by a table, where this processor has a kernel for one"};

/// The first pair again by a table, which holds for points of the curve that are not of low order.
void check_table(const Multiplication& first, const std::uint8_t* expected) {
    auto& known = KnownKeys::of_this_thread();
    known.begin_batch();
    const auto table = known.find(*PublicKey::from({first.point, 32}));
    if (!table) return;
    if (*table == nullptr) std::abort();
    const auto scalar =
        ScalarChain{SecretKey{std::span<const std::uint8_t, 32>{first.scalar, 32}}}.odd_eighth();
    base::ByteArray<32> product;
    product.fill(0xa5);
    const TableMultiplication again{scalar.data(), *table, product.data()};
    known.multiply(std::span{&again, 1});
    if (std::memcmp(product.data(), expected, 32) != 0) std::abort();
    by_table.reach();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::size_t count = std::min(size / 64, x25519_call_max);
    if (count == 0) return 0;
    std::vector<std::uint8_t> products(32 * count), expected(32 * count, 0);
    std::vector<Multiplication> batch;
    for (std::size_t i = 0; i < count; ++i) {
        batch.push_back({data + 64 * i, data + 64 * i + 32, products.data() + 32 * i});
        if (crypto_scalarmult(expected.data() + 32 * i, batch[i].scalar, batch[i].point) != 0)
            std::memset(expected.data() + 32 * i, 0, 32);
        const bool zero = std::all_of(expected.begin() + 32 * static_cast<std::ptrdiff_t>(i),
                                      expected.begin() + 32 * static_cast<std::ptrdiff_t>(i + 1),
                                      [](auto byte) { return byte == 0; });
        (zero ? low_order : multiplied).reach();
    }
    const auto check = [&](Kernel kernel, auto multiply) {
        if (!available(kernel)) return;
        // What the kernel before wrote is right: one that writes nothing must not pass by it.
        std::fill(products.begin(), products.end(), std::uint8_t{0xa5});
        multiply(batch.data(), count);
        if (products != expected) std::abort();
    };
    check(Kernel::avx2, multiply_avx2_4);
    check(Kernel::ifma, multiply_ifma_4);
    check(Kernel::ifma, multiply_ifma_8);
    // Making a table takes as long as a hundred ladders under the sanitizers: one input in sixteen.
    if (!available(Kernel::avx2) && !available(Kernel::ifma)) by_table.reach();
    for (const auto kernel : {Kernel::avx2, Kernel::ifma}) {
        if (data[32] % 16 != 0 || !available(kernel)) continue;
        force_kernel(kernel);
        check_table(batch[0], expected.data());
    }
    return 0;
}

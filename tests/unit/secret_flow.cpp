// Runs under valgrind, which tracks undefined bytes and reports every jump or address that depends
// on one. All secrets are marked as undefined here. If valgrind reports nothing, no jump and no
// address depends on a secret. tests/unit/secret_flow.py runs this program, and also a control that
// must be reported. valgrind does not support AVX-512; tests/unit/kernel_objects.py checks that
// kernel.
//   secret_flow [control]
#include <valgrind/memcheck.h>

#include <cstring>
#include <iostream>
#include <stdexcept>

#include "sphinx/crypto/curve.hpp"
#include "sphinx/crypto/scalar_chain.hpp"
#include "sphinx/crypto/x25519_batch.hpp"
#include "sphinx/packet/known_keys.hpp"
#include "sphinx/packet/payload.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

template <class Bytes>
void hide(Bytes& bytes) {
    VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size());
}

/// Checks that the result of a secret is marked too. Otherwise valgrind has lost track of it.
template <class Bytes>
void require_hidden(const Bytes& bytes) {
    std::vector<std::uint8_t> marks(bytes.size());
    if (VALGRIND_GET_VBITS(bytes.data(), marks.data(), marks.size()) != 1) throw 0;
    for (const auto mark : marks) {
        if (mark == 0) throw std::logic_error("the track of a secret is lost");
    }
}

SecretKey hidden_key(base::Random& random) {
    SecretKey key;
    random.fill(key.span());
    hide(key);
    return key;
}

/// Every call size up to two groups of lanes, with one point of low order. Not for the portable
/// kernel, because libsodium branches on a product being zero.
void ladders(base::Random& random) {
    for (std::size_t count = 1; count <= 8; ++count) {
        std::vector<SecretKey> scalars(count);
        std::vector<base::ByteArray<32>> points(count), products(count);
        std::vector<Multiplication> batch;
        for (std::size_t i = 0; i < count; ++i) {
            scalars[i] = hidden_key(random);
            if (i != 1) random.fill(points[i]);
            batch.push_back({scalars[i].data(), points[i].data(), products[i].data()});
        }
        multiply(batch);
        for (const auto& product : products)
            require_hidden(product);
    }
}

void tables(base::Random& random) {
    auto& known = KnownKeys::of_this_thread();
    known.begin_batch();
    const auto table = known.find(generate_key_pair(random).public_key);
    std::vector<base::Secret<32>> scalars;
    std::vector<base::ByteArray<32>> products(3);
    for (std::size_t i = 0; i < products.size(); ++i) {
        ScalarChain chain{hidden_key(random)};
        chain.append(hidden_key(random));
        require_hidden(chain.scalar());
        scalars.push_back(chain.odd_eighth());
    }
    std::vector<TableMultiplication> batch;
    for (std::size_t i = 0; i < products.size(); ++i)
        batch.push_back({scalars[i].data(), *table, products[i].data()});
    known.multiply(batch);
    for (const auto& product : products)
        require_hidden(product);
}

/// All steps from a shared secret to the decrypted payload.
void keys_and_ciphers(base::Random& random) {
    const auto keys = expand(hidden_key(random));
    const auto key = payload_key(keys.payload_seed);
    std::vector<base::Bytes> payloads(5, base::Bytes(200, 9));
    std::vector<SealedPayload> batch;
    for (auto& payload : payloads) {
        hide(payload);
        batch.push_back({&key, payload});
    }
    StreamCiphers ciphers;
    lioness_decrypt(ciphers, batch);
    lioness_encrypt(ciphers, batch);
    for (const auto& payload : payloads)
        require_hidden(payload);
    ciphers.aes_ctr(keys.cipher_key, payloads[0]);
}

}  // namespace

int main(int argc, char** argv) {
    if (RUNNING_ON_VALGRIND == 0) return 2;
    base::SeededRandom random{51};
    if (argc > 1 && std::strcmp(argv[1], "control") == 0) {
        const auto key = hidden_key(random);
        return is_zero(key.view()) ? 1 : 0;
    }
    for (const auto kernel : {Kernel::portable, Kernel::avx2}) {
        if (!available(kernel)) {
            std::cout << "kernel " << to_string(kernel) << ": not on this processor\n";
            continue;
        }
        force_kernel(kernel);
        if (kernel != Kernel::portable) {
            ladders(random);
            tables(random);
        }
        keys_and_ciphers(random);
        std::cout << "kernel " << to_string(kernel) << '\n';
    }
}

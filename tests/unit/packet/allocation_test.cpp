// Unwrapping a full batch takes no memory from the heap, whichever kernel works and however a
// packet ends. A program of its own, because it counts every call of malloc in the process, those
// of OpenSSL and libsodium included.
#include <doctest/doctest.h>

#include <cstdlib>
#include <vector>

#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/payload.hpp"
#include "tests/support/kernels.hpp"

using namespace nightjar;
using namespace nightjar::packet;

namespace {

constinit thread_local std::size_t allocations = 0;

}  // namespace

// glibc allows a program to replace these; __libc_* are the originals.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
    ++allocations;
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
    ++allocations;
    return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
    ++allocations;
    return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    ++allocations;
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    ++allocations;
    *out = __libc_memalign(alignment, size);
    return *out == nullptr;
}
}

namespace {

constexpr std::size_t batch = 32;
constexpr std::size_t payload = 2065;

/// Packets that go on, packets that end here, and packets with a bad MAC.
std::vector<base::Bytes> packets_for(const KeyPair& pair, base::Random& random) {
    std::vector<base::Bytes> packets;
    for (std::size_t i = 0; i < batch; ++i) {
        std::vector<Hop> route{{random.id<base::NodeId>(), pair.public_key, 0}};
        if (i % 3 != 0) route.push_back({random.id<base::NodeId>(), pair.public_key, 1});
        auto built =
            build(Version::v260, route, random.id<base::Destination>(), random.id<base::SurbId>(),
                  base::Bytes(100, 0x33), payload, HeaderRandomness::draw(random));
        REQUIRE(built);
        if (i % 5 == 4) built->at(gamma_offset) ^= 1;
        packets.push_back(*std::move(built));
    }
    return packets;
}

}  // namespace

TEST_CASE("unwrapping takes no memory from the heap") {
    base::SystemRandom random;
    const auto pair = generate_key_pair(random);
    testing::with_every_kernel([&](crypto::Kernel) {
        // The first batch may set up what lives as long as the thread.
        for (const bool first : {true, false}) {
            auto packets = packets_for(pair, random);
            std::vector<UnwrapJob> jobs;
            for (auto& packet : packets)
                jobs.push_back({.packet = packet, .key = &pair.secret});
            const auto before = allocations;
            unwrap_batch(jobs, header_size + payload);
            const auto taken = allocations - before;
            std::size_t opened = 0;
            for (const auto& job : jobs)
                opened += job.outcome.has_value();
            CHECK(opened == batch - batch / 5);
            if (!first) CHECK(taken == 0);
        }
    });
}

TEST_CASE("control: an allocation is counted") {
    const auto before = allocations;
    const base::Bytes bytes(100);
    CHECK(allocations > before);
}

// What it costs one of four authorities to agree on documents of 1,000 relays: processor time for
// each epoch, the longest time for which it answers nothing else, and heap. The product's driver,
// in virtual time; the disk is a map in memory, which does not count.
//
//     authority_bench [RELAYS [EPOCHS]]      prints JSON
#include <malloc.h>
#include <sodium.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "tests/support/authorities.hpp"

namespace {

std::size_t live = 0, peak = 0;

double processor_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double mebibytes(std::size_t bytes) {
    return static_cast<double>(bytes) / (1024 * 1024);
}

}  // namespace

// All heap of this program, by what the allocator gives.
void* operator new(std::size_t size) {
    void* at = std::malloc(size);
    if (at == nullptr) throw std::bad_alloc{};
    live += ::malloc_usable_size(at);
    peak = std::max(peak, live);
    return at;
}
void operator delete(void* at) noexcept {
    live -= ::malloc_usable_size(at);
    std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
    operator delete(at);
}

int main(int argc, char** argv) {
    using namespace nightjar;
    if (sodium_init() < 0) return 1;
    const std::size_t relays = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000;
    const int epochs = argc > 2 ? std::atoi(argv[2]) : 2;
    constexpr std::size_t authorities = 4, watched = 0;

    test::Authorities network{authorities, relays - relays / 10, relays / 10};
    double total = 0, longest = 0;
    std::size_t most = 0;
    network.watch = [&](std::size_t authority, const std::function<void()>& piece) {
        const auto before = live;
        peak = live;
        const auto begin = processor_seconds();
        piece();
        if (authority != watched) return;
        const auto time = processor_seconds() - begin;
        total += time;
        longest = std::max(longest, time);
        most = std::max(most, peak - before);
    };
    network.run_epochs(1);  // the first value records the mixes
    total = longest = 0;
    network.run_epochs(epochs);
    const auto& documents = network.documents[watched];
    const auto last = documents.find(network.epoch());
    if (last == documents.end() || last->second.relays.size() != relays) {
        std::fprintf(stderr, "no document of %zu relays was signed\n", relays);
        return 1;
    }
    std::size_t value = 0;
    for (const auto& [name, content] : network.disks[watched].files)
        if (name.starts_with("value.")) value = std::max(value, content.size());
    const auto with = live;
    network.stop(watched);
    std::printf(
        "{\"relays\": %zu, \"epochs\": %d, \"value_bytes\": %zu, \"document_bytes\": %zu, "
        "\"processor_s_per_epoch\": %.2f, \"longest_s\": %.2f, \"heap_mib\": %.1f, "
        "\"heap_of_one_piece_mib\": %.1f}\n",
        relays, epochs, value, directory::to_text(last->second).size(), total / epochs, longest,
        mebibytes(with - live), mebibytes(most));
    return 0;
}

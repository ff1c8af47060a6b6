// Memory that is overwritten when it is freed.
#include "sphinx/base/wiping_memory.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

using nightjar::base::wiping_free;
using nightjar::base::wiping_realloc;

namespace {

constexpr std::size_t size = 4096;
constexpr int mark = 0xa7;

/// The bytes at a place of this process, freed or not, as a core would have them. The allocator
/// writes its lists into the first ones. The result is not on the heap, where it could take the
/// place that was freed. It holds until the next call.
const std::array<std::uint8_t, size - 64>& core_at(std::uintptr_t place) {
    static std::array<std::uint8_t, size - 64> bytes;
    const int fd = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    const auto got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(place + 64));
    ::close(fd);
    REQUIRE(got == static_cast<ssize_t>(bytes.size()));
    return bytes;
}

void* marked() {
    auto* memory = std::malloc(size);
    REQUIRE(memory != nullptr);
    std::memset(memory, mark, size);
    return memory;
}

auto marks_at(std::uintptr_t place) {
    const auto& bytes = core_at(place);
    return std::count(bytes.begin(), bytes.end(), mark);
}

#ifndef NIGHTJAR_SANITIZED
/// Leaves marks on the stack, and returns their place.
[[gnu::noinline]] std::uintptr_t leave_marks() {
    std::array<std::uint8_t, 16 * size> held;
    std::memset(held.data(), mark, held.size());
    asm volatile("" : : "r"(held.data()) : "memory");  // they are there
    return reinterpret_cast<std::uintptr_t>(held.data());
}
#endif

}  // namespace

TEST_CASE("wiping memory: what was freed is not in a core") {
    auto* memory = marked();
    const auto place = reinterpret_cast<std::uintptr_t>(memory);
    CHECK(marks_at(place) == static_cast<std::ptrdiff_t>(size - 64));
    wiping_free(memory);
    CHECK(marks_at(place) == 0);
    wiping_free(nullptr);
}

TEST_CASE("wiping memory: what grows or shrinks keeps its bytes, and leaves none behind") {
    for (const std::size_t next : {std::size_t{64}, 8 * size}) {
        auto* memory = marked();
        const auto place = reinterpret_cast<std::uintptr_t>(memory);
        auto* moved = static_cast<std::uint8_t*>(wiping_realloc(memory, next));
        REQUIRE(moved != nullptr);
        CHECK(reinterpret_cast<std::uintptr_t>(moved) != place);
        CHECK(std::all_of(moved, moved + std::min(size, next),
                          [](auto byte) { return byte == mark; }));
        CHECK(marks_at(place) == 0);
        CHECK(wiping_realloc(moved, 0) == nullptr);
    }
    auto* fresh = wiping_realloc(nullptr, 16);
    CHECK(fresh != nullptr);
    wiping_free(fresh);
}

TEST_CASE("wiping memory: an emptied vector keeps its room and none of its bytes") {
    std::vector<std::uint8_t> all(size, mark);
    const auto place = reinterpret_cast<std::uintptr_t>(all.data());
    CHECK(marks_at(place) > 0);
    nightjar::base::clear_and_wipe(all);
    CHECK(all.empty());
    CHECK(all.capacity() >= size);
    CHECK(marks_at(place) == 0);
    nightjar::base::clear_and_wipe(all);
}

TEST_CASE("wiping memory: a table keeps no key that was removed") {
    using Key = std::array<std::uint8_t, size>;
    struct Hash {
        std::size_t operator()(const Key& key) const { return key[0]; }
    };
    boost::unordered_flat_map<Key, int, Hash> table;
    Key one{};
    one.fill(mark);
    table.emplace(one, 1);
    table.emplace(Key{}, 2);
    const auto found = table.find(one);
    const auto place = reinterpret_cast<std::uintptr_t>(&*found);
    CHECK(marks_at(place) > 0);
    nightjar::base::erase_and_wipe(table, found);
    CHECK(marks_at(place) == 0);
    CHECK(table.size() == 1);
    CHECK(table.contains(Key{}));
    table.emplace(one, 3);
    CHECK(table.at(one) == 3);
}

#ifndef NIGHTJAR_SANITIZED  // which lays out stacks in ways of its own
TEST_CASE("wiping memory: calls that have returned leave nothing on the stack") {
    const auto place = leave_marks();
    CHECK(marks_at(place) > 0);
    nightjar::base::wipe_stack();
    CHECK(marks_at(place) == 0);
}
#endif

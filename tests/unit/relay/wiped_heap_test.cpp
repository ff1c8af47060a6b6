// The relay's heap: what Asio frees is overwritten, as all else is.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>

namespace asio = boost::asio;

namespace {

using Mark = std::array<std::uint8_t, 16>;
using Marks = std::array<Mark, 8>;

/// Eight marks, made anew where they are needed, so that no copy of them is kept elsewhere.
Marks marks() {
    Marks all;
    for (auto& mark : all)
        for (std::size_t i = 0; i < mark.size(); ++i)
            mark[i] = static_cast<std::uint8_t>(0xa7 ^ (i * 29));
    return all;
}

void must_exist(const Marks& held) {
    asm volatile("" : : "r"(held.data()) : "memory");
}

/// How many marks the heap of this process holds, freed or not, as a core would have them. Nothing
/// of this function is on the heap.
std::size_t marks_on_the_heap() {
    static std::array<std::uint8_t, 1 << 22> heap;
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::array<char, 1 << 16> maps{};
    const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (std::size_t size = 0; fd >= 0;) {
        const auto got = ::read(fd, maps.data() + size, maps.size() - size - 1);
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
    }
    ::close(fd);
    for (const char* line = maps.data(); line != nullptr; line = std::strchr(line + 1, '\n')) {
        const char* ending = std::strchr(line + 1, '\n');
        const char* name = std::strstr(line, "[heap]");
        if (name == nullptr || ending == nullptr || name > ending) continue;
        std::sscanf(line, " %lx-%lx", &begin, &end);
    }
    REQUIRE(begin < end);
    REQUIRE(end - begin <= heap.size());
    std::memcpy(heap.data(), reinterpret_cast<const void*>(begin), end - begin);

    const auto sought = marks().front();
    std::size_t found = 0;
    for (const auto* at = heap.begin(); at + sought.size() <= heap.begin() + (end - begin); ++at)
        if (std::equal(sought.begin(), sought.end(), at)) ++found;
    heap.fill(0);
    return found;
}

asio::awaitable<void> hold_marks() {
    Marks held = marks();
    must_exist(held);
    co_await asio::post(asio::use_awaitable);  // so that they are in the frame
    must_exist(held);
}

asio::awaitable<void> call_one_that_holds_marks() {
    co_await hold_marks();
}

}  // namespace

TEST_CASE("relay's heap: a coroutine that has ended leaves nothing of its frame") {
    asio::io_context loop;
    std::size_t while_it_runs = 0;
    std::size_t after = 1;
    asio::co_spawn(loop, call_one_that_holds_marks(),
                   [](const std::exception_ptr& failure) { CHECK(!failure); });
    // The loop runs on, so what its thread keeps for the next coroutine is there.
    const auto later = [&loop](auto&& self, int turns, auto what) -> void {
        if (turns == 0) return what();
        asio::post(loop, [&loop, self, turns, what] { self(self, turns - 1, what); });
    };
    later(later, 1, [&] { while_it_runs = marks_on_the_heap(); });
    later(later, 9, [&] { after = marks_on_the_heap(); });
    loop.run();
    CHECK(while_it_runs > 0);
    CHECK(after == 0);
}

TEST_CASE("relay's heap: a handler that was called leaves nothing of what it held") {
    asio::io_context loop;
    std::size_t while_it_waits = 0;
    std::size_t after = 1;
    asio::post(loop, [&] { while_it_waits = marks_on_the_heap(); });
    asio::post(loop, [held = marks()] { must_exist(held); });
    asio::post(loop, [&] { after = marks_on_the_heap(); });
    loop.run();
    CHECK(while_it_waits > 0);
    CHECK(after == 0);
}

TEST_CASE("relay's heap: an object that was deleted leaves nothing") {
    auto held = std::make_unique<Marks>(marks());
    must_exist(*held);
    CHECK(marks_on_the_heap() > 0);
    held.reset();
    CHECK(marks_on_the_heap() == 0);
}

#include "sphinx/cell/cell.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

using namespace nightjar;
using cell::Cell;
using cell::Kind;

TEST_CASE("a packet cell carries its kind, its epoch and its body") {
    base::Bytes body(cell::body_size);
    for (std::size_t i = 0; i < body.size(); ++i)
        body[i] = static_cast<std::uint8_t>(i * 7);
    const Cell made = Cell::packet(body, 0xab);
    REQUIRE(made.bytes().size() == 2416);
    CHECK(made.bytes()[0] == 1);
    CHECK(made.bytes()[1] == 0xab);
    CHECK(made.bytes()[2] == 0);
    CHECK(std::ranges::equal(made.body(), body));

    const auto parsed = Cell::parse(made.bytes());
    REQUIRE(parsed);
    CHECK(parsed->kind() == Kind::packet);
    CHECK(parsed->epoch() == 0xab);
    CHECK(std::ranges::equal(parsed->bytes(), made.bytes()));
}

TEST_CASE("a padding cell is zeros behind its kind") {
    const Cell padding;
    CHECK(padding.kind() == Kind::padding);
    CHECK(std::ranges::all_of(padding.bytes().subspan(1), [](auto byte) { return byte == 0; }));
}

TEST_CASE("a control cell has zeros behind its message") {
    const base::Bytes message{9, 8, 7};
    const Cell control = Cell::control(message);
    CHECK(control.kind() == Kind::control);
    CHECK(control.epoch() == 0);
    CHECK(std::ranges::equal(control.body().first(3), message));
    CHECK(std::ranges::all_of(control.body().subspan(3), [](auto byte) { return byte == 0; }));
}

TEST_CASE("only cells of the right length, a known kind and a zero reserved byte are parsed") {
    struct Case {
        std::size_t size;
        std::uint8_t kind;
        std::uint8_t reserved;
        bool good;
    };
    const Case cases[] = {
        {2416, 1, 0, true},  {2416, 2, 0, true},    {2416, 3, 0, true},    {0, 1, 0, false},
        {1, 1, 0, false},    {2415, 1, 0, false},   {2417, 1, 0, false},   {4832, 1, 0, false},
        {2416, 0, 0, false}, {2416, 4, 0, false},   {2416, 255, 0, false}, {2416, 129, 0, false},
        {2416, 1, 1, false}, {2416, 2, 128, false}, {2416, 3, 255, false},
    };
    for (const Case& one : cases) {
        CAPTURE(one.size);
        CAPTURE(one.kind);
        CAPTURE(one.reserved);
        base::Bytes bytes(one.size);
        if (one.size > 0) bytes[0] = one.kind;
        if (one.size > 2) bytes[2] = one.reserved;
        CHECK(Cell::parse(bytes).has_value() == one.good);
        const auto boxed = Cell::parse_boxed(bytes);
        REQUIRE((boxed != nullptr) == one.good);
        if (boxed) CHECK(std::ranges::equal(boxed->bytes(), bytes));
    }
}

TEST_CASE("a packet yet to be written is zeros, whatever its memory held before") {
    std::vector<cell::CellBox> dirty;
    // More cells than a thread's cache keeps.
    for (int i = 0; i < 3000; ++i) {
        dirty.push_back(Cell::boxed_packet(7));
        std::ranges::fill(dirty.back()->body(), std::uint8_t{0xff});
    }
    dirty.clear();
    std::set<const Cell*> places;
    std::vector<cell::CellBox> fresh;
    for (int i = 0; i < 3000; ++i) {
        fresh.push_back(Cell::boxed_packet(static_cast<std::uint8_t>(i)));
        const auto& cell = *fresh.back();
        REQUIRE(places.insert(&cell).second);
        REQUIRE(cell.kind() == cell::Kind::packet);
        REQUIRE(cell.epoch() == static_cast<std::uint8_t>(i));
        REQUIRE(std::ranges::all_of(cell.body(), [](auto byte) { return byte == 0; }));
    }
}

#ifndef NIGHTJAR_SANITIZED  // where no cell is kept
TEST_CASE("a cell that is kept for the next holds no packet") {
    auto* memory = static_cast<std::uint8_t*>(Cell::operator new(sizeof(Cell)));
    std::fill_n(memory, sizeof(Cell), std::uint8_t{0xff});
    Cell::operator delete(memory);
    auto* again = static_cast<std::uint8_t*>(Cell::operator new(sizeof(Cell)));
    REQUIRE(again == memory);
    CHECK(std::all_of(again, again + sizeof(Cell), [](auto byte) { return byte == 0; }));
    Cell::operator delete(again);
}
#endif

TEST_CASE("a cell may end on another thread than it began on, and after that one") {
    cell::CellBox made;
    std::thread{[&] { made = Cell::boxed_packet(1); }}.join();
    REQUIRE(made);
    std::vector<cell::CellBox> others;
    for (int i = 0; i < 100; ++i)
        others.push_back(Cell::boxed_packet(2));
    std::thread{[&] { others.clear(); }}.join();
    CHECK(made->epoch() == 1);
}

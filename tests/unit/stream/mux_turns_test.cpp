// The order in which streams put their bytes into packets: small ones first, equal shares among
// equals, and a bound on every stream's wait (sphinx/stream/turns.hpp).
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "sphinx/base/random.hpp"
#include "sphinx/stream/turns.hpp"
#include "tests/unit/stream/mux_pair.hpp"

using namespace nightjar;
using namespace nightjar::mux_test;
using stream::StreamId;

namespace {

/// An exit whose streams write as the test says. Each packet is acknowledged at once, and the
/// client reads everything.
struct Exit {
    Exit() : mux{Side::exit, stream::MuxLimits::for_rate(100, base::Seconds{9})} {}

    StreamId open() {
        const auto id = ++last;
        CHECK(arrive_at_exit(mux, frames({open_frame(id), window(id)})));
        mux.accept(id);
        mux.take_events();
        return id;
    }
    static stream::Frame window(StreamId id) {
        return frame(FrameType::window, id, std::uint64_t{1} << 40);
    }
    /// Always has bytes to send.
    void fill_up(StreamId id) {
        while (mux.write(id, chunk) == chunk.size()) {
        }
    }
    void write(StreamId id, std::size_t bytes) {
        CHECK(mux.write(id, base::ByteView{chunk}.first(bytes)) == bytes);
    }
    /// The bytes of each stream in the next packet, and the stream that begins it.
    std::map<StreamId, std::size_t> packet() {
        std::map<StreamId, std::size_t> bytes;
        begun_by = 0;
        for (const auto& said : answers(mux, room)) {
            if (said.type != FrameType::data) continue;
            if (begun_by == 0) begun_by = said.stream;
            bytes[said.stream] += said.bytes.size();
        }
        for (const auto& [id, count] : bytes)
            sent[id] += count;
        mux.take_events();
        return bytes;
    }
    /// Opens a stream that has used up its allowance and goes on sending.
    StreamId open_large() {
        const auto id = open();
        while (sent[id] < stream::small_allowance) {
            fill_up(id);
            packet();
        }
        return id;
    }

    Mux mux;
    StreamId last = 0;
    StreamId begun_by = 0;
    std::map<StreamId, std::size_t> sent;
    base::Bytes chunk = base::Bytes(16 * 1024, 7);
    base::Bytes room;
};

}  // namespace

TEST_CASE("turns: an answer of some packets does not wait behind downloads") {
    Exit exit;
    std::vector<StreamId> downloads;
    for (int i = 0; i < 10; ++i)
        downloads.push_back(exit.open_large());
    const auto page = exit.open();
    exit.write(page, 16'000);  // eight packets
    int packets = 0;
    while (exit.sent[page] < 16'000 && packets < 100) {
        for (const auto id : downloads)
            exit.fill_up(id);
        exit.packet();
        ++packets;
    }
    CHECK(packets <= 8 + 3);
}

TEST_CASE("turns: a large stream begins one of four packets, whatever small ones do") {
    Exit exit;
    const std::set<StreamId> large{exit.open_large(), exit.open_large()};
    std::map<StreamId, int> waited;
    std::map<StreamId, std::size_t> before;
    for (const auto id : large)
        before[id] = exit.sent[id];
    int packets = 0;
    for (; packets < 400; ++packets) {
        for (const auto id : large)
            exit.fill_up(id);
        exit.write(exit.open(), 4'000);  // each packet finds new small streams
        if (packets % 50 == 0) exit.mux.take_events();
        exit.packet();
        if (exit.mux.streams() > 200) break;
        for (const auto id : large) {
            waited[id] = exit.begun_by == id ? 0 : waited[id] + 1;
            CHECK(waited[id] < 8);
        }
    }
    CHECK(packets > 150);
    for (const auto id : large) {
        const auto got = exit.sent[id] - before[id];
        CHECK(got > packets / 8 * 1'900);
        CHECK(got < packets / 8 * 2'400);
    }
}

TEST_CASE("turns: streams of one kind get equally many bytes, however they send them") {
    Exit exit;
    std::vector<StreamId> large;
    for (int i = 0; i < 3; ++i)
        large.push_back(exit.open_large());
    const auto terminal = exit.open();
    const auto before = exit.sent;
    for (int i = 0; i < 600; ++i) {
        for (const auto id : large)
            exit.fill_up(id);
        if (i % 3 == 0) exit.write(terminal, 50);  // it leaves room in the packets that it begins
        exit.packet();
        if (i % 3 == 1) CHECK(exit.sent[terminal] == (i / 3 + 1) * 50U);
    }
    const auto got = [&](StreamId id) { return exit.sent[id] - before.at(id); };
    for (const auto id : large) {
        CHECK(got(id) > 600 * 1'950 / 3);
        CHECK(got(id) < got(large[0]) + 4'100);
        CHECK(got(id) + 4'100 > got(large[0]));
    }
}

TEST_CASE("turns: a download that rests is small again, and a slow one stays small") {
    Exit exit;
    const auto rests = exit.open_large();
    const auto busy = exit.open_large();
    for (int without = 0; without < 5;)  // until all that `rests` has written has left
        without = exit.packet().contains(rests) ? 0 : without + 1;
    const auto packets_until = [&] {
        for (int i = 0; i < 2; ++i)
            exit.write(rests, 10'000);
        const auto until = exit.sent[rests] + 20'000;
        int packets = 0;
        while (exit.sent[rests] < until) {
            exit.fill_up(busy);
            exit.packet();
            ++packets;
        }
        return packets;
    };
    CHECK(packets_until() >= 17);  // as a large one it has every other packet
    for (int i = 0; i < 200; ++i) {
        exit.fill_up(busy);
        exit.packet();
    }
    CHECK(packets_until() <= 14);  // it has regained 25,600 bytes
    // 100 bytes for each packet are less than what comes back.
    const auto slow = exit.open();
    for (int i = 0; i < 3'000; ++i) {
        exit.fill_up(busy);
        exit.fill_up(rests);
        if (i % 2 == 0) exit.write(slow, 60);
        exit.packet();
    }
    CHECK(exit.sent[slow] >= 1'400 * 60);
    exit.write(slow, 60);
    CHECK(exit.packet().contains(slow));
}

TEST_CASE("turns: no stream waits longer than all that wait with it take, whatever they do") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        INFO("seed " << seed);
        base::SeededRandom random{seed};
        Exit exit;
        struct Waiting {
            std::size_t left = 0;
            int since = 0;  // packets without a byte
            std::size_t bound = 0;
        };
        std::map<StreamId, Waiting> all;
        const auto streams = 2 + random.below(30);
        for (std::uint64_t i = 0; i < streams; ++i)
            all[exit.open()];
        for (int packet = 0; packet < 1'500; ++packet) {
            for (auto& [id, state] : all) {
                if (state.left > 0 || random.below(6) > 0) continue;
                const std::size_t bytes = random.below(3) == 0 ? 16'000 : 1 + random.below(3'000);
                state.left += exit.mux.write(id, base::ByteView{exit.chunk}.first(bytes));
            }
            const auto sent = exit.packet();
            for (auto& [id, state] : all) {
                const auto found = sent.find(id);
                if (found != sent.end()) {
                    REQUIRE(found->second <= state.left);
                    state.left -= found->second;
                    state.since = 0;
                } else if (state.left > 0) {
                    // Each of the others twice, in one of four packets.
                    ++state.since;
                    CHECK(state.since <= 4 * 2 * static_cast<int>(streams));
                }
            }
        }
    }
}

TEST_CASE("turns: the rest of a packet goes to those that wait, and the least room to none") {
    Exit exit;
    const auto large = exit.open_large();
    const auto small = exit.open();
    exit.fill_up(large);
    exit.write(small, 100);
    const auto bytes = exit.packet();
    CHECK(exit.begun_by == small);
    CHECK(bytes.at(small) == 100);
    CHECK(bytes.at(large) > 1'800);
}

// One connection through a LawWorld that lasts for hours, and whose bytes are all checked.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "tests/lab/world/law_world.hpp"

namespace nightjar::lasting {

using namespace nightjar::lab::world;
using namespace std::chrono_literals;

/// A rate at which hours pass quickly: 10 slots and 9 replies a second.
inline LawOptions slow_options(std::uint64_t seed) {
    LawOptions options;
    options.seed = options.client_seed = seed;
    options.parameters.main_slots = {10'000};
    options.parameters.client_loops = {1'000};
    options.parameters.replies = {9'000};
    options.parameters.down = {14'500};
    return options;
}

/// One connection that writes and reads without end. Every byte that comes back is checked.
class Connection {
 public:
    /// An echo server answers the bytes that are written; a blob server, test_bytes() of `size`.
    Connection(LawWorld& world, std::string host, std::uint64_t size)
        : world_{world}, host_{std::move(host)}, size_{size}, bytes_(256) {
        for (std::size_t i = 0; i < bytes_.size(); ++i)
            bytes_[i] = static_cast<std::uint8_t>(i);
    }
    void open() { stream_ = world_.core().open("", {host_, 7}); }
    /// Writes one byte of a sequence, as a key press does.
    void key() {
        if (stream_)
            written +=
                world_.core().write(*stream_, base::ByteView{bytes_}.subspan(written % 256, 1));
    }
    void ask() {
        base::ByteArray<8> count{};
        for (int i = 0; i < 8; ++i)
            count[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(size_ >> (56 - 8 * i));
        CHECK(world_.core().write(*stream_, count) == 8);
    }
    void step() {
        if (!stream_) return;
        base::ByteArray<32'768> buffer;
        while (const auto n = world_.core().read(*stream_, buffer)) {
            for (std::size_t i = 0; i < n; ++i, ++read) {
                const auto expected =
                    blob_.empty() ? static_cast<std::uint8_t>(read % 256) : blob_[read];
                wrong += buffer[i] == expected ? 0 : 1;
            }
            waited = std::max<base::Nanoseconds>(waited, world_.now() - last_);
            last_ = world_.now();
        }
    }
    void on(const client::core::CoreEvent& event) {
        if (event.stream != stream_) return;
        if (event.event.kind == stream::Event::Kind::reset) ended = event.event.reason;
        if (event.event.kind == stream::Event::Kind::finished) finished = true;
    }
    void expect_blob() {
        blob_ = test_bytes(size_);
        last_ = world_.now();
    }

    std::uint64_t written = 0;
    std::uint64_t read = 0;
    std::uint64_t wrong = 0;
    base::Nanoseconds waited{};  // the longest time without a byte
    std::optional<stream::ResetReason> ended;
    bool finished = false;

 private:
    LawWorld& world_;
    std::string host_;
    std::uint64_t size_;
    base::Bytes bytes_;
    base::Bytes blob_;
    std::optional<client::core::StreamRef> stream_;
    base::Mono last_{};
};

inline void serve(LawWorld& world, Connection& connection) {
    world.servers.add("echo.example", 7, echo_server);
    world.servers.add("blob.example", 7, blob_server);
    world.application = [&] {
        connection.step();
        for (const auto& event : world.core().take_events())
            connection.on(event);
    };
}

/// Runs until half a minute of the connection's blob has arrived.
inline void begin_download(LawWorld& world, Connection& download) {
    serve(world, download);
    world.run_for(base::Seconds{70});
    download.open();
    download.expect_blob();
    download.ask();
    world.run_for(base::Seconds{30});
}

}  // namespace nightjar::lasting

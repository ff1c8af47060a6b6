// Whole days of a client (LawWorld): nothing is lost, and nothing grows. NIGHTJAR_DAYS_HOURS sets
// how long the first case lasts; docs/testing.md has the figures of 72 hours.
#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/core/session_plan.hpp"
#include "sphinx/base/codec.hpp"
#include "tests/simulation/lasting_connection.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lasting;
using client::core::StreamRef;
using stream::Event;
using stream::ResetReason;

namespace {

/// What the case counts of all streams.
struct Tally {
    int opened = 0;
    int finished = 0;
    int cut = 0;  // by the end of their last session
    int other = 0;
    std::uint64_t bytes = 0;
    std::uint64_t wrong = 0;
};

/// One stream of an application: it sends `upload` bytes, ends its side, and reads the answer.
struct Transfer {
    StreamRef stream = 0;
    std::string host;
    base::Bytes request;      // all of it
    base::ByteView expected;  // all of the answer
    std::size_t sent = 0;
    std::size_t read = 0;
    bool said_all = false;
};

/// Opens transfers and checks every byte that comes.
class Applications {
 public:
    Applications(LawWorld& world, std::uint64_t seed) : world_{world}, random_{seed} {
        world.servers.add("blob.example", 7, blob_server);
        world.servers.add("echo.example", 7, echo_server);
    }

    /// A download, or an echo of what is sent, of 1 to 150,000 bytes. Half of them have a user name
    /// that no other has. False if no session takes it.
    bool open() {
        const auto size = 1 + static_cast<std::size_t>(random_.below(content_.size()));
        Transfer transfer;
        if (random_.below(2) == 0) {
            transfer.host = "blob.example";
            transfer.request.resize(8);
            base::Writer{transfer.request}.u64(size);
        } else {
            transfer.host = "echo.example";
            transfer.request.assign(content_.begin(),
                                    content_.begin() + static_cast<std::ptrdiff_t>(size));
        }
        transfer.expected = base::ByteView{content_}.first(size);
        const bool named = random_.below(2) == 0;
        const auto opened = world_.core().open(named ? "user" + std::to_string(tally.opened) : "",
                                               {transfer.host, 7});
        if (!opened) return false;
        transfer.stream = *opened;
        open_.push_back(std::move(transfer));
        ++tally.opened;
        return true;
    }

    void step() {
        for (auto next = open_.begin(); next != open_.end();) {
            const auto current = next++;
            pass_on(*current);
        }
    }

    /// True if the stream was one of these.
    bool on(const client::core::CoreEvent& event) {
        const auto found = std::find_if(open_.begin(), open_.end(), [&](const auto& transfer) {
            return transfer.stream == event.stream;
        });
        if (found == open_.end()) return false;
        pass_on(*found);
        if (event.event.kind == Event::Kind::finished) {
            // An orderly end is the whole answer.
            if (found->read != found->expected.size()) ++tally.wrong;
            ++tally.finished;
        } else if (event.event.kind == Event::Kind::reset) {
            ++(event.event.reason == ResetReason::session_ended ? tally.cut : tally.other);
        } else {
            return true;
        }
        world_.core().reset(found->stream);
        open_.erase(found);
        return true;
    }
    std::size_t open_now() const { return open_.size(); }

    Tally tally;

 private:
    void pass_on(Transfer& transfer) {
        auto& core = world_.core();
        while (transfer.sent < transfer.request.size()) {
            const auto taken = core.write(transfer.stream,
                                          base::ByteView{transfer.request}.subspan(transfer.sent));
            if (taken == 0) break;
            transfer.sent += taken;
        }
        if (transfer.sent == transfer.request.size() && !std::exchange(transfer.said_all, true))
            core.finish(transfer.stream);
        base::ByteArray<8192> buffer;
        while (const auto n = core.read(transfer.stream, buffer)) {
            const auto left = transfer.expected.subspan(transfer.read);
            const bool right =
                n <= left.size() && std::equal(buffer.begin(), buffer.begin() + n, left.begin());
            if (!right) ++tally.wrong;
            transfer.read += std::min(n, left.size());
            tally.bytes += n;
        }
    }

    LawWorld& world_;
    base::SeededRandom random_;
    base::Bytes content_ = test_bytes(150'000);
    std::list<Transfer> open_;
};

/// A connection that is silent for hours. Then one byte goes there and back.
class Silent {
 public:
    Silent(LawWorld& world, base::Nanoseconds silence) : world_{world}, silence_{silence} {}

    void step() {
        if (!stream_) {
            stream_ = world_.core().open("", {"echo.example", 7});
            opened_ = world_.now();
            said_ = false;
        }
        if (stream_ && !said_ && world_.now() >= opened_ + silence_)
            said_ = world_.core().write(*stream_, base::as_bytes("x")) == 1;
    }
    bool on(const client::core::CoreEvent& event) {
        if (!stream_ || event.stream != *stream_) return false;
        base::ByteArray<8> buffer;
        if (event.event.kind == Event::Kind::readable &&
            world_.core().read(*stream_, buffer) == 1 && buffer[0] == 'x') {
            ++answered;
        } else if (event.event.kind == Event::Kind::reset) {
            if (event.event.reason != ResetReason::session_ended) ++failed;
            ++ended;
        } else {
            return true;
        }
        world_.core().reset(*stream_);
        stream_.reset();
        return true;
    }
    int answered = 0;  // after the silence
    int ended = 0;     // at the end of an exit's term
    int failed = 0;    // for any other reason

 private:
    LawWorld& world_;
    base::Nanoseconds silence_;
    std::optional<StreamRef> stream_;
    base::Mono opened_{};
    bool said_ = false;
};

/// What the client and the exits hold, with the allocator's bytes of this process.
struct Held {
    std::size_t client_sessions = 0, client_keys = 0, exit_sessions = 0, exit_memory = 0;
    std::size_t connections = 0, exit_entries = 0, allocated = 0;
};

Held held_by(LawWorld& world) {
    Held held;
    const auto status = world.core().status(world.now());
    held.client_sessions = status.sessions.size();
    held.client_keys = status.keys;
    for (std::size_t i = 0; i < world.exits(); ++i) {
        auto& exit = world.exit(i);
        held.exit_sessions += exit.sessions->sessions();
        held.exit_memory += exit.sessions->memory();
        held.connections += exit.host->connections();
        base::Holdings tables;
        exit.sessions->list_holdings(tables);
        for (const auto& table : tables)
            held.exit_entries += table.entries;
    }
    held.allocated = ::mallinfo2().uordblks;
    return held;
}

void print(const char* when, const Held& held) {
    std::printf(
        "%s: client %zu sessions, %zu keys; exits %zu sessions, %zu bytes, %zu connections, %zu "
        "entries; %.3f MB allocated\n",
        when, held.client_sessions, held.client_keys, held.exit_sessions, held.exit_memory,
        held.connections, held.exit_entries, static_cast<double>(held.allocated) / 1e6);
}

int days_hours() {
    const auto* given = std::getenv("NIGHTJAR_DAYS_HOURS");
    if (given != nullptr) return std::atoi(given);
    return test::short_run() ? 3 : 12;
}

}  // namespace

TEST_CASE("whole days: every byte is exact, silent connections last, and nothing grows") {
    const int hours = days_hours();
    constexpr base::Seconds every{96};  // in three quarters of the time: 2,000 streams in 72 hours
    auto options = slow_options(7);
    options.loss = 0.002;
    LawWorld world{options};
    Applications applications{world, 7};
    Silent silent{world, 8h};
    bool busy = false;
    auto next = world.now();
    world.application = [&] {
        if (busy && world.now() >= next) {
            applications.open();
            next += every;
        }
        applications.step();
        if (busy) silent.step();
        for (const auto& event : world.core().take_events())
            if (!applications.on(event)) silent.on(event);
    };
    world.run_for(70s);
    Held early;
    for (int hour = 1; hour <= hours; ++hour) {
        next = world.now();
        busy = true;
        world.run_for(20min);
        if (hour % 5 == 0) {  // the link is away for a minute and a half
            world.disconnect();
            world.run_for(90s);
            world.connect();
        } else {
            world.run_for(90s);
        }
        world.run_for(23min + 30s);
        // Streams end, and keys that have none are forgotten.
        busy = false;
        world.run_for(15min);
        CAPTURE(hour);
        CHECK(applications.open_now() == 0);
        if (hour == std::max(1, hours / 3)) early = held_by(world);
    }
    const auto late = held_by(world);
    print("after a third", early);
    print("at the end", late);
    const auto& tally = applications.tally;
    std::printf(
        "%d streams, %d finished, %d cut, %d otherwise; %.1f MB; silent for 8 h: %d answered, %d "
        "ended with their exit's term\n",
        tally.opened, tally.finished, tally.cut, tally.other,
        static_cast<double>(tally.bytes) / 1e6, silent.answered, silent.ended);
    CHECK(tally.wrong == 0);
    CHECK(tally.other == 0);
    CHECK(tally.finished == tally.opened);
    CHECK(silent.failed == 0);
    if (hours > 10) CHECK(silent.answered > hours / 24);
    // The number of sessions follows the clock, and all else follows the sessions.
    CHECK(late.client_sessions <= client::core::sessions_max);
    CHECK(late.exit_sessions <= client::core::sessions_max);
    CHECK(late.client_keys <= client::core::sessions_max);  // those that own a session
    CHECK(late.connections <= 1);                           // the silent one
    CHECK(static_cast<double>(late.exit_memory) <= 1.3 * static_cast<double>(early.exit_memory));
    CHECK(late.exit_entries <= early.exit_entries + 100);
    CHECK(static_cast<double>(late.allocated) <= 1.1 * static_cast<double>(early.allocated));
}

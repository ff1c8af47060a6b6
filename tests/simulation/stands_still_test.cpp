// One process of a network stands still in the first minute of a client's session, as by SIGSTOP,
// and goes on: the client's gateway, the exit, or a mix. Every stream must go on or end (World).
//
//   NIGHTJAR_EVERY_MOMENT=mix-1a client_simulation_tests -tc='a relay that stands still*'
//
// takes every 100 ms of that minute for one process, or for each of them if the name is empty.
// Without it a few moments are taken for each.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

/// Longest that a stream may take to go on or to end, from when the process goes on.
constexpr base::Seconds patience{60};
/// A link without a cell for so long ends (docs/link.md).
constexpr base::Seconds link_silence{60};

enum class Process { gateway, exit, mix_1a, mix_1b, mix_2a, mix_2b, mix_3a, mix_3b };
constexpr const char* names[] = {"gateway", "exit",   "mix-1a", "mix-1b",
                                 "mix-2a",  "mix-2b", "mix-3a", "mix-3b"};

/// A network with one client, whose streams go to an echo server.
class Moment {
 public:
    explicit Moment(std::uint64_t seed) : world_{options_of(seed)} {
        world_.servers.add("echo.example", 7, echo_server);
        base::MailboxId mailbox;
        mailbox.bytes.fill(0xc1);
        client_ = &world_.add<ClientNode>(mailbox, mailbox, world_.gateway(0).identity());
        client_->application = [this](client::core::Core& core, base::Mono) { serve(core); };
    }

    /// The process stands still from `moment` after connecting, for `length`. Returns how long its
    /// streams took after that until all had gone on or ended; empty: longer than `patience`.
    std::optional<base::Nanoseconds> after(Process process, base::Milliseconds moment,
                                           base::Seconds length) {
        open("");
        const auto before = std::min<base::Nanoseconds>(moment, 200ms);
        world_.run_for(moment - before);
        open("");
        world_.run_for(before);
        auto& relay = relay_of(process);
        relay.frozen = true;
        say();
        open("key");  // this key's session, if it gets one, begins while the process stands still
        const auto goes_on = world_.now() + length;
        world_.run_for(std::min(length, link_silence));
        if (length > link_silence && process == Process::gateway)
            client_->cut(goes_on + 1s);  // it dials until then
        open("");
        world_.run_for(goes_on - world_.now());
        relay.frozen = false;
        say();
        const auto settled = [this] {
            return std::ranges::none_of(echoes_, [](const auto& echo) { return echo.waits(); });
        };
        if (!world_.run_until(settled, patience)) return std::nullopt;
        return world_.now() - goes_on;
    }
    std::size_t streams() const { return echoes_.size(); }
    std::size_t ended() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(echoes_, [](const auto& echo) { return echo.ended; }));
    }

 private:
    /// An application that sends one byte at a time and waits for each to come back.
    struct Echo {
        client::core::StreamRef stream;
        std::size_t unsent = 0;
        std::size_t said = 0;
        std::size_t heard = 0;
        bool ended = false;
        bool waits() const { return !ended && (unsent > 0 || heard < said); }
    };

    static WorldOptions options_of(std::uint64_t seed) {
        WorldOptions options;
        options.seed = seed;
        options.packets = Packets::clear;
        options.gateways = 3;
        options.replay_packets = 20'000;
        // A rate at which a minute passes quickly. What a session waits for is fixed in seconds.
        auto& law = options.parameters;
        law.main_slots = {10'000};
        law.client_loops = {1'000};
        law.replies = {9'000};
        law.down = {14'500};
        law.relay_loops = {1'000};
        return options;
    }
    RelayNode& relay_of(Process process) {
        if (process == Process::gateway) return world_.gateway(0);
        if (process == Process::exit) {
            const auto status = client_->core().status(world_.now());
            if (status.sessions.empty()) return world_.gateway(1);
            return world_.relay(status.sessions.front().exit);
        }
        const auto mix = static_cast<unsigned>(process) - static_cast<unsigned>(Process::mix_1a);
        return world_.mix(mix / 2 + 1, mix % 2);
    }
    void open(const std::string& key) {
        if (const auto stream = client_->core().open(key, {"echo.example", 7}))
            echoes_.push_back({.stream = *stream, .unsent = 1});
    }
    void say() {
        for (auto& echo : echoes_)
            ++echo.unsent;
    }
    void serve(client::core::Core& core) {
        for (const auto& event : core.take_events())
            for (auto& echo : echoes_)
                if (echo.stream == event.stream && event.event.kind == stream::Event::Kind::reset)
                    echo.ended = true;
        base::ByteArray<64> buffer;
        for (auto& echo : echoes_) {
            if (echo.ended) continue;
            while (echo.unsent > 0 && core.write(echo.stream, base::as_bytes("x")) == 1) {
                --echo.unsent;
                ++echo.said;
            }
            echo.heard += core.read(echo.stream, buffer);
        }
    }

    World world_;
    ClientNode* client_ = nullptr;
    std::vector<Echo> echoes_;
};

}  // namespace

TEST_CASE("a relay that stands still in a session's first minute leaves no stream hanging") {
    const auto* every = std::getenv("NIGHTJAR_EVERY_MOMENT");
    const auto step = every ? 100ms : test::short_run() ? 15'100ms : 8'300ms;
    std::uint64_t seed = 1;
    for (std::size_t i = 0; i < std::size(names); ++i) {
        if (every && *every != '\0' && std::string{every} != names[i]) continue;
        for (const auto length : {9s, 20s, 140s}) {
            std::string found;
            base::Nanoseconds longest{};
            std::size_t moments = 0;
            std::size_t streams = 0;
            std::size_t ended = 0;
            for (base::Milliseconds moment{0}; moment <= 60s; moment += step, ++moments) {
                Moment run{seed++};
                const auto took = run.after(static_cast<Process>(i), moment, length);
                if (!took) found += std::to_string(moment.count()) + " ";
                longest = std::max(longest, took.value_or(patience));
                streams += run.streams();
                ended += run.ended();
            }
            std::printf(
                "%s stands still for %d s: %zu moments, %zu of %zu streams ended, longest wait "
                "after it %.1f s\n",
                names[i], static_cast<int>(length.count()), moments, ended, streams,
                base::to_seconds(longest));
            std::fflush(stdout);
            CAPTURE(names[i]);
            CAPTURE(length.count());
            CHECK(found == "");
            CHECK(streams == 4 * moments);
            // So short a time ends hardly any stream: they do go on.
            if (length == 9s) CHECK(ended < streams / 10);
        }
    }
}

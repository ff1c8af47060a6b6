// A day of a client (LawWorld) on which Telegram runs: a ping each minute, and a long poll.
#include <doctest/doctest.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "sphinx/base/codec.hpp"
#include "tests/simulation/lasting_connection.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lasting;
using client::core::StreamRef;
using stream::Event;
using stream::ResetReason;

namespace {

/// A server that answers each request after a time, with the same bytes.
struct LateServer final : ByteServer {
    LateServer(std::set<LateServer*>& of, const LawWorld& world) : all{of}, in{world} {
        all.insert(this);
    }
    ~LateServer() override { all.erase(this); }
    LateServer(const LateServer&) = delete;
    LateServer& operator=(const LateServer&) = delete;
    void on_bytes(base::ByteView bytes) override {
        waiting.insert(waiting.end(), bytes.begin(), bytes.end());
        due = in.now() + 50s;
    }
    void on_finish() override { end = true; }
    void step(base::Mono now) {
        if (!waiting.empty() && now >= due) out = std::exchange(waiting, {});
    }

    std::set<LateServer*>& all;
    const LawWorld& in;
    base::Bytes waiting;
    base::Mono due{};
};

/// A connection that asks and is answered in turn, and that is opened again when it ends.
class Asker {
 public:
    /// Asks again so long after each answer.
    Asker(LawWorld& world, std::string host, base::Nanoseconds pause)
        : world_{world}, host_{std::move(host)}, pause_{pause} {}

    void step() {
        auto& core = world_.core();
        if (!stream_) {
            stream_ = core.open("", {host_, 7});
            asked_.clear();
            next_ = world_.now();
        }
        if (!stream_ || !asked_.empty() || world_.now() < next_) return;
        auto question = test_bytes(100);
        base::Writer{question}.u64(number_);
        if (core.writable(*stream_) < question.size()) return;
        core.write(*stream_, question);
        asked_ = std::move(question);
        heard_ = 0;
        begun_ = world_.now();
    }
    void on(const client::core::CoreEvent& event) {
        if (!stream_ || event.stream != *stream_) return;
        base::ByteArray<256> buffer;
        while (const auto n = world_.core().read(*stream_, buffer)) {
            for (std::size_t i = 0; i < n; ++i, ++heard_)
                if (heard_ >= asked_.size() || buffer[i] != asked_[heard_]) ++wrong;
        }
        if (!asked_.empty() && heard_ == asked_.size()) {
            ++answered;
            ++number_;
            longest = std::max<base::Nanoseconds>(longest, world_.now() - begun_);
            asked_.clear();
            next_ = world_.now() + pause_;
        }
        if (event.event.kind != Event::Kind::reset) return;
        if (event.event.reason != ResetReason::session_ended) ++wrong;
        ++ended;
        world_.core().reset(*stream_);
        stream_.reset();
    }
    int answered = 0;
    int ended = 0;
    int wrong = 0;
    base::Nanoseconds longest{};  // until an answer

 private:
    LawWorld& world_;
    std::string host_;
    base::Nanoseconds pause_;
    std::optional<StreamRef> stream_;
    base::Bytes asked_;  // empty: nothing is open
    std::uint64_t number_ = 0;
    std::size_t heard_ = 0;
    base::Mono begun_{}, next_{};
};

}  // namespace

TEST_CASE("a day of Telegram: a ping each minute and a long poll, over every handover") {
    const int hours = test::short_run() ? 3 : 24;
    std::set<LateServer*> late;  // they leave it when the world ends
    LawWorld world{slow_options(11)};
    world.servers.add("echo.example", 7, echo_server);
    world.servers.add("late.example", 7, [&] { return std::make_unique<LateServer>(late, world); });
    Asker pings{world, "echo.example", 60s};
    Asker polls{world, "late.example", {}};
    int exits = 0;
    base::NodeId exit;
    world.application = [&] {
        for (auto* server : late)
            server->step(world.now());
        for (auto* asker : {&pings, &polls})
            asker->step();
        for (const auto& event : world.core().take_events())
            for (auto* asker : {&pings, &polls})
                asker->on(event);
    };
    for (int minute = 0; minute < hours * 60; ++minute) {
        world.run_for(60s);
        const auto now = world.core().status(world.now()).sessions;
        if (!now.empty() && now.back().exit != std::exchange(exit, now.back().exit)) ++exits;
    }
    std::printf(
        "%d h, %d exits: %d pings answered within %.1f s, %d polls within %.1f s; connections "
        "ended: %d and %d\n",
        hours, exits, pings.answered, base::to_seconds(pings.longest), polls.answered,
        base::to_seconds(polls.longest), pings.ended, polls.ended);
    for (const auto* asker : {&pings, &polls}) {
        CHECK(asker->wrong == 0);
        CHECK(asker->ended < exits);  // the first one is no change
    }
    CHECK(pings.answered > hours * 56);
    CHECK(polls.answered > hours * 60);
    CHECK(pings.longest < 10s);
    CHECK(polls.longest < 60s);
}

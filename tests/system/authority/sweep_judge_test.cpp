// What an authority's loops show is worked out beside its I/O thread.
#include "relay/authority/sweep_judge.hpp"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "tests/support/networks.hpp"
#include "tests/system/relay_links.hpp"

using namespace nightjar;
using namespace nightjar::tests;
using relay::authority::SweepJudge;
using relay::authority::core::LoopLosses;

namespace {

/// Three sweeps through a network in which one mix of each layer loses most of what it gets. So
/// the estimate takes many steps.
struct Swept {
    base::SeededRandom random{3};
    std::shared_ptr<directory::Document> document =
        std::make_shared<directory::Document>(test::make_network(5).document);
    LoopLosses losses;

    Swept() {
        for (int sweep = 0; sweep < 3; ++sweep) {
            losses.begin_sweep();
            for (int i = 0; i < 3000; ++i) {
                bool returned = true;
                const auto any = [&](std::array<const char*, 2> names) {
                    const auto at = random.below(2);
                    returned = returned && (at == 0 || random.unit() > 0.6);
                    return test::named(*document, names[at]).identity;
                };
                const auto gateway = test::named(*document, "gateway-1").identity;
                const LoopLosses::Way way{gateway, any({"mix-1-1", "mix-1-2"}),
                                          any({"mix-2-1", "mix-2-2"}), any({"mix-3-1", "mix-3-2"}),
                                          gateway};
                losses.record(way, returned);
            }
        }
    }
};

struct Asked {
    Loop loop;
    std::optional<SweepJudge> judge{std::in_place, loop.io.get_executor()};
    Swept swept;
    std::optional<SweepJudge::Found> found;
    int turns = 0;  // of the I/O thread until the answer came

    asio::awaitable<void> ask() { found = co_await judge->judge(swept.losses, swept.document); }
    asio::awaitable<void> count() {
        while (!found) {
            ++turns;
            co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        }
    }
};

}  // namespace

TEST_CASE("sweep judge: the I/O thread goes on while a sweep is judged") {
    Asked asked;
    asked.loop.tasks.spawn("ask", asked.ask());
    asked.loop.tasks.spawn("count", asked.count());
    REQUIRE(asked.loop.until([&] { return asked.found.has_value(); }));
    CHECK(asked.turns > 20);
    CHECK(*asked.found == asked.swept.losses.stated(*asked.swept.document));
    CHECK_FALSE(asked.found->empty());
}

TEST_CASE("sweep judge: once it is stopped it states nothing, and a cancelled task may go first") {
    Asked asked;
    asked.judge->stop();
    asked.loop.tasks.spawn("ask", asked.ask());
    REQUIRE(asked.loop.until([&] { return asked.found.has_value(); }));
    CHECK(asked.found->empty());

    asked.judge.emplace(asked.loop.io.get_executor());
    asked.loop.tasks.spawn("ask", asked.ask());
    asked.loop.io.poll();
    asked.loop.finish();
    asked.judge.reset();
    CHECK(asked.found->empty());
}

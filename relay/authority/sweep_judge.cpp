#include "relay/authority/sweep_judge.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "sphinx/node/process/event.hpp"

namespace nightjar::relay::authority {

namespace asio = boost::asio;

namespace {

/// One question. Each thread holds it until it has done its part.
struct Case {
    core::LoopLosses losses;
    std::shared_ptr<const directory::Document> document;
    node::process::Event answered;
    SweepJudge::Found found;
};

}  // namespace

SweepJudge::~SweepJudge() {
    stop();
    thread_.join();
}

asio::awaitable<SweepJudge::Found> SweepJudge::judge(
    core::LoopLosses losses, std::shared_ptr<const directory::Document> document) {
    const auto held = std::make_shared<Case>(std::move(losses), std::move(document),
                                             node::process::Event{io_}, Found{});
    asio::post(thread_, [held, io = io_, stop = stop_.get_token()]() mutable {
        held->found = held->losses.stated(*held->document, stop);
        asio::post(io, [held = std::move(held)] { held->answered.set(); });
    });
    co_await held->answered.wait();
    co_return std::move(held->found);
}

}  // namespace nightjar::relay::authority

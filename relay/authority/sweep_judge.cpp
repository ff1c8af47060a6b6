#include "relay/authority/sweep_judge.hpp"

#include <boost/asio/post.hpp>
#include <exception>
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
    std::exception_ptr failed;  // no memory, for example
};

}  // namespace

SweepJudge::~SweepJudge() {
    stop();
    thread_.join();
}

asio::awaitable<SweepJudge::Found> SweepJudge::judge(
    core::LoopLosses losses, std::shared_ptr<const directory::Document> document) {
    const auto held = std::make_shared<Case>(std::move(losses), std::move(document),
                                             node::process::Event{io_}, Found{}, nullptr);
    asio::post(thread_, [held, io = io_, stop = stop_.get_token()]() mutable {
        try {
            held->found = held->losses.stated(*held->document, stop);
        } catch (...) {
            held->failed = std::current_exception();
        }
        asio::post(io, [held = std::move(held)] { held->answered.set(); });
    });
    co_await held->answered.wait();
    if (held->failed) std::rethrow_exception(held->failed);
    co_return std::move(held->found);
}

}  // namespace nightjar::relay::authority

// Works out what an authority's loops show (core/loop_losses.hpp) on a thread of its own. That can
// take seconds, and the I/O thread must answer other authorities meanwhile.
//
// Used from the I/O thread. The other thread reads copies, and gives back what it found.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <memory>
#include <stop_token>
#include <utility>

#include "relay/authority/core/loop_losses.hpp"

namespace nightjar::relay::authority {

class SweepJudge {
 public:
    using Found = std::map<base::NodeId, core::LoopLosses::Loss>;

    /// `io` runs what waits, and outlives this object.
    explicit SweepJudge(boost::asio::any_io_executor io) : io_{std::move(io)} {}
    /// Waits for the thread, which stops at its next step.
    ~SweepJudge();

    /// What core::LoopLosses::stated() says of them. If the task is cancelled, it throws as Asio's
    /// own operations do, and the work goes on until stop(). What stated() throws, it throws.
    boost::asio::awaitable<Found> judge(core::LoopLosses losses,
                                        std::shared_ptr<const directory::Document> document);
    /// From now on nothing is stated, and the thread is free at once.
    void stop() { stop_.request_stop(); }

 private:
    boost::asio::any_io_executor io_;
    std::stop_source stop_;
    boost::asio::thread_pool thread_{1};
};

}  // namespace nightjar::relay::authority

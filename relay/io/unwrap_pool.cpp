#include "relay/io/unwrap_pool.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cassert>
#include <utility>

#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/node/process/clocks.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;

UnwrapPool::UnwrapPool(asio::io_context& io, std::size_t workers, OnDone on_done)
    : io_{io}, on_done_{std::move(on_done)} {
    assert(workers > 0);
    for (std::size_t worker = 0; worker < workers; ++worker) {
        workers_.emplace_back(1);
        idle_workers_.push_back(worker);
        unwiped_.push_back(false);
    }
}

UnwrapPool::~UnwrapPool() {
    *alive_ = false;
    for (auto& worker : workers_)
        worker.join();
}

bool UnwrapPool::submit(core::Work work, base::FairQueue<core::Work>::Source from) {
    const bool had_room = waiting_.push(from, std::move(work));
    if (!dispatch_posted_ && !idle_workers_.empty()) {
        // One pass of the event loop delivers many cells; post the dispatch so that they form one
        // batch.
        dispatch_posted_ = true;
        asio::post(io_, [this, alive = alive_] {
            if (*alive) dispatch_posted();
        });
    }
    return had_room;
}

void UnwrapPool::dispatch_posted() {
    dispatch_posted_ = false;
    if (with_workers_ > 0 || waiting_.size() > few) return dispatch();
    auto batch = take(few);
    core::unwrap(batch);
    on_done_(std::move(batch));
}

void UnwrapPool::dispatch() {
    while (!idle_workers_.empty() && !waiting_.empty()) {
        // Give each idle worker an equal share; the rest waits for the next worker that becomes
        // idle.
        const auto idle = idle_workers_.size();
        const auto share = (waiting_.size() + idle - 1) / idle;
        auto batch = take(std::min(share, batch_max));
        if (!batch.empty()) give(std::move(batch));
    }
}

/// Takes the packets whose turn it is, and drops those among them that have waited too long.
UnwrapPool::Batch UnwrapPool::take(std::size_t count) {
    const auto oldest = node::process::mono_now() - wait_max;
    Batch batch;
    while (batch.size() < count && !waiting_.empty()) {
        auto work = waiting_.pop();
        if (work.arrived < oldest)
            ++stale_;
        else
            batch.push_back(std::move(work));
    }
    return batch;
}

void UnwrapPool::give(Batch batch) {
    const auto worker = idle_workers_.back();
    idle_workers_.pop_back();
    with_workers_ += batch.size();
    unwiped_[worker] = true;
    asio::post(
        workers_[worker], [this, worker, alive = alive_, batch = std::move(batch)]() mutable {
            core::unwrap(batch);
            asio::post(
                io_, [this, worker, alive = std::move(alive), batch = std::move(batch)]() mutable {
                    if (*alive) take_back(worker, std::move(batch));
                });
        });
}

bool UnwrapPool::workers_answered() {
    if (unanswered_ > 0) return false;
    unanswered_ = workers_.size();
    for (auto& worker : workers_) {
        asio::post(worker, [this, alive = alive_] {
            asio::post(io_, [this, alive] {
                if (*alive) --unanswered_;
            });
        });
    }
    return true;
}

void UnwrapPool::wipe_stacks() {
    for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
        if (!unwiped_[worker]) continue;
        unwiped_[worker] = false;
        asio::post(workers_[worker], [] { base::wipe_stack(); });
    }
}

void UnwrapPool::take_back(std::size_t worker, Batch batch) {
    idle_workers_.push_back(worker);
    with_workers_ -= batch.size();
    // Give the worker its next batch before handling this one, so that it never waits for us.
    dispatch();
    on_done_(std::move(batch));
}

}  // namespace nightjar::relay::io

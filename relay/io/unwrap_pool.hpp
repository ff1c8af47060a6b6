// The worker threads: they run a pure function over batches of packets. A batch belongs to one
// worker until it returns; no other object is shared between threads. Packets wait in a queue for
// each neighbour, and neighbours take turns, so a flood of one delays or displaces no packet of
// another. Call it from the I/O thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "relay/core/unwrap_work.hpp"
#include "sphinx/base/fair_queue.hpp"

namespace nightjar::relay::io {

class UnwrapPool {
 public:
    using Batch = std::vector<core::Work>;
    /// Called with each finished batch, on the I/O thread.
    using OnDone = std::function<void(Batch batch)>;

    static constexpr std::size_t intake_max = 4096;  // waiting packets; submit() refuses more
    static constexpr std::size_t batch_max = 64;     // limits the time of one batch
    /// If no more than this are there and the workers have nothing, the I/O thread unwraps them
    /// itself: to wake a worker and to be woken by it costs more processor time than it saves. A
    /// busy relay has more waiting, so this ends on its own (docs/decisions/0035).
    static constexpr std::size_t few = 2;
    /// A packet that has waited longer than this for a worker is dropped before any work is spent
    /// on it. Behind the mix queue it would be too late anyway (core::MixQueue), and a relay that
    /// works on packets only to drop them carries almost none.
    static constexpr base::Milliseconds wait_max{100};

    /// `io` must outlive the pool. Precondition: workers > 0.
    UnwrapPool(boost::asio::io_context& io, std::size_t workers, OnDone on_done);
    /// Joins the workers. Batches that have not returned by then are dropped.
    ~UnwrapPool();

    /// `from` stands for the neighbour that sent the packet. Returns false if the intake was full:
    /// a packet of the neighbour that has most there is lost, and the caller counts it.
    bool submit(core::Work work, base::FairQueue<core::Work>::Source from);

    /// How many packets have been dropped after wait_max, since the last call.
    std::size_t take_stale() { return std::exchange(stale_, 0); }

    /// Whether each worker has answered since the last call, and asks each of them again. A worker
    /// answers between two batches, within milliseconds. True at the first call.
    bool workers_answered();

    /// Overwrites the keys and routes of packets that batches have left on the workers' stacks.
    /// Only workers that had a batch since the last call do so, between two batches. Call it every
    /// few seconds.
    void wipe_stacks();

    /// The number of packets that wait or are with a worker.
    std::size_t pending() const { return waiting_.size() + with_workers_; }

 private:
    void dispatch_posted();
    void dispatch();
    Batch take(std::size_t count);
    void give(Batch batch);
    void take_back(std::size_t worker, Batch batch);

    boost::asio::io_context& io_;
    OnDone on_done_;
    std::vector<std::size_t> idle_workers_;  // numbers in workers_
    std::vector<bool> unwiped_;              // of each worker: its stack
    bool dispatch_posted_ = false;
    base::FairQueue<core::Work> waiting_{intake_max};
    std::size_t with_workers_ = 0;
    std::size_t stale_ = 0;
    std::size_t unanswered_ = 0;  // of workers_answered()
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    // One thread each, so that each can be asked for itself. The last member: they are joined
    // before the objects that they use end.
    std::deque<boost::asio::thread_pool> workers_;
};

}  // namespace nightjar::relay::io

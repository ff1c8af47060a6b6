// Signals, and the order in which a daemon ends. SIGINT or SIGTERM: the steps run one after the
// other, each for a bounded time. A second one: the process leaves at once. SIGHUP: a callback.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <vector>

#include "sphinx/base/time.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::node {

/// One for the process, on the I/O thread. Its steps may use whatever outlives run().
class Shutdown {
 public:
    using Step = std::function<boost::asio::awaitable<void>()>;

    /// From here the three signals are ours. Throws boost::system::system_error if they cannot be.
    explicit Shutdown(boost::asio::any_io_executor executor);

    /// Steps run in the order in which they were added. One that takes longer than `bound` is
    /// cancelled and named in overran(); the next one then runs.
    void add(std::string name, base::Milliseconds bound, Step step);
    void on_hangup(std::function<void()> callback) { on_hangup_ = std::move(callback); }
    /// Runs before the process leaves at a second signal: wipe keys, touch nothing else.
    void on_abort(std::function<void()> callback) { on_abort_ = std::move(callback); }

    /// The same as a first signal; a second call does nothing. A core task's death comes here.
    void request();
    bool requested() const { return requested_; }

    /// Waits for a signal or request(), then runs the steps. Ends after the last one, when it no
    /// longer listens to signals, so that the I/O thread can run out of work.
    boost::asio::awaitable<void> run();
    /// The steps that did not end in time.
    const std::vector<std::string>& overran() const { return overran_; }

 private:
    struct Entry {
        std::string name;
        base::Milliseconds bound;
        Step step;
    };
    void listen();
    void on_signal(int number);
    boost::asio::awaitable<void> run_step(const Entry* entry);

    boost::asio::signal_set signals_;
    boost::asio::steady_timer requested_timer_;
    TaskGroup tasks_;
    std::vector<Entry> entries_;
    std::vector<std::string> overran_;
    std::function<void()> on_hangup_;
    std::function<void()> on_abort_;
    bool requested_ = false;
};

}  // namespace nightjar::node

// Signals, and the orderly end of a daemon. SIGINT or SIGTERM: the steps run one after another,
// each with a time limit. A second such signal: the process exits immediately, but a first one
// after request() does not. SIGHUP: calls a callback.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <string>
#include <vector>

#include "sphinx/base/time.hpp"
#include "sphinx/node/process/event.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::node::process {

/// One per process, on the I/O thread. Its steps may use any object that outlives run().
class Shutdown {
 public:
    using Step = std::function<boost::asio::awaitable<void>()>;

    /// Takes over the three signals. Throws boost::system::system_error if that fails.
    explicit Shutdown(boost::asio::any_io_executor executor);

    /// Steps run in the order in which they were added. A step that takes longer than `bound` is
    /// cancelled and listed in overran(); then the next one runs.
    void add(std::string name, base::Milliseconds bound, Step step);
    void on_hangup(std::function<void()> callback) { on_hangup_ = std::move(callback); }
    /// The callback runs before the process exits at a second signal: it should wipe keys and do
    /// nothing else.
    void on_abort(std::function<void()> callback) { on_abort_ = std::move(callback); }

    /// From now on this reports each reload and the end to the service manager; with false, no
    /// longer.
    void announce(bool says = true) { announces_ = says; }

    /// Runs the steps, as a first signal does; a second call does nothing. Called when a core task
    /// fails.
    void request();
    /// By request() or by a signal.
    bool requested() const { return requested_; }
    /// A signal has come that ends the process.
    bool signalled() const { return signalled_; }

    /// Waits for a signal or request(), then runs the steps. When it ends it no longer waits for
    /// signals, so that the I/O thread can run out of work.
    boost::asio::awaitable<void> run();
    /// The steps that did not finish in time.
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
    Event request_;
    TaskGroup tasks_;
    std::vector<Entry> entries_;
    std::vector<std::string> overran_;
    std::function<void()> on_hangup_;
    std::function<void()> on_abort_;
    bool announces_ = false;
    bool requested_ = false;
    bool signalled_ = false;
};

}  // namespace nightjar::node::process

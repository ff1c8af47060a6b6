// Every coroutine of a process has a name and an owner. Nothing is ever detached.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "sphinx/base/time.hpp"

namespace nightjar::node {

/// Spawns and awaits tasks on one I/O thread. The destructor asserts that none is left: a frame
/// that outlived its group could touch members that are gone.
class TaskGroup {
 public:
    /// `on_failure` is told of a task that ended by an exception (its name, and what); the daemon
    /// then stops. Called on the I/O thread. A task that cancel() ended is no failure.
    using OnFailure = std::function<void(const std::string& task, const std::string& what)>;
    /// Names one task of this group; never reused.
    enum class TaskId : std::uint64_t {};

    TaskGroup(boost::asio::any_io_executor executor, OnFailure on_failure);
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// The task starts in a later turn of the I/O thread.
    TaskId spawn(std::string name, boost::asio::awaitable<void> task);
    /// Asks every task to end: terminal cancellation of whatever each one waits for.
    void cancel();
    /// The same for one task, if it still runs.
    void cancel(TaskId task);
    std::size_t running() const;
    /// Ends when no task runs; the caller bounds the wait. Never call it from one of the tasks.
    boost::asio::awaitable<void> wait();
    /// The same, for at most so long: true if no task runs.
    boost::asio::awaitable<bool> wait_for(base::Milliseconds bound);

 private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace nightjar::node

// Every coroutine of a process has a name and an owner; none is detached.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "sphinx/base/time.hpp"

namespace nightjar::node::process {

/// Spawns and awaits tasks on one I/O thread. The destructor asserts that no task is left: a
/// coroutine frame that outlives its group could use members that are gone.
class TaskGroup {
 public:
    /// Called on the I/O thread when a task ends with an exception, with the task's name and the
    /// exception's text; the daemon then stops. A task that cancel() ended is not a failure.
    using OnFailure = std::function<void(const std::string& task, const std::string& what)>;
    /// Identifies one task of this group; never reused.
    enum class TaskId : std::uint64_t {};

    TaskGroup(boost::asio::any_io_executor executor, OnFailure on_failure);
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// Spawns a task. It may run up to its first wait before this call returns.
    TaskId spawn(std::string name, boost::asio::awaitable<void> task);
    /// Cancels every task: terminal cancellation of the operation that it waits for.
    void cancel();
    /// Cancels one task if it is still running.
    void cancel(TaskId task);
    std::size_t running() const;
    /// Waits until no task is running; the caller must limit the wait. Never call it from a task of
    /// this group.
    boost::asio::awaitable<void> wait();
    /// Waits for at most `bound`. Returns true if no task is running.
    boost::asio::awaitable<bool> wait_for(base::Milliseconds bound);

 private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace nightjar::node::process

#include "sphinx/node/process/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <cassert>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include "sphinx/node/process/completion.hpp"

namespace nightjar::node::process {

namespace asio = boost::asio;

namespace {

struct Task {
    std::string name;
    asio::cancellation_signal stop;
    bool cancelled = false;
};

// True for the error that a cancelled task may end with.
bool is_abort(const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted;
}

}  // namespace

struct TaskGroup::State {
    asio::any_io_executor executor;
    OnFailure on_failure;
    std::map<TaskId, std::shared_ptr<Task>> tasks;
    std::uint64_t next = 1;
    std::vector<asio::steady_timer*> waiting;  // timers in the frames of wait_for()

    void finished(TaskId id, std::exception_ptr error) {
        const auto found = tasks.find(id);
        assert(found != tasks.end());
        const std::shared_ptr<Task> task = found->second;
        tasks.erase(found);
        if (tasks.empty())
            for (asio::steady_timer* timer : waiting)
                timer->cancel();
        if (!error) return;
        try {
            std::rethrow_exception(error);
        } catch (const boost::system::system_error& failure) {
            if (task->cancelled && is_abort(failure)) return;
            on_failure(task->name, failure.what());
        } catch (const std::exception& failure) {
            on_failure(task->name, failure.what());
        }
    }
};

TaskGroup::TaskGroup(asio::any_io_executor executor, OnFailure on_failure)
    : state_{std::make_shared<State>()} {
    state_->executor = std::move(executor);
    state_->on_failure = std::move(on_failure);
}

TaskGroup::~TaskGroup() {
    assert(state_->tasks.empty() && "a task outlives its group");
}

TaskGroup::TaskId TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
    const TaskId id{state_->next++};
    const auto entry = std::make_shared<Task>();
    entry->name = std::move(name);
    state_->tasks.emplace(id, entry);
    // The handler keeps the entry alive, and with it the cancellation signal of the slot.
    auto on_end = [state = state_, entry, id](std::exception_ptr error) {
        state->finished(id, std::move(error));
    };
    try {
        asio::co_spawn(state_->executor, std::move(task),
                       asio::bind_cancellation_slot(entry->stop.slot(), std::move(on_end)));
    } catch (...) {
        // No memory: the task never began, so nothing reports its end, and wait() must not wait
        // for it.
        state_->tasks.erase(id);
        throw;
    }
    return id;
}

void TaskGroup::cancel() {
    // Copy the map: a task may end and be removed while its signal is emitted.
    const auto tasks = state_->tasks;
    for (const auto& [id, task] : tasks)
        cancel(id);
}

void TaskGroup::cancel(TaskId id) {
    const auto found = state_->tasks.find(id);
    if (found == state_->tasks.end()) return;
    const std::shared_ptr<Task> task = found->second;
    task->cancelled = true;
    // Emit on the I/O thread only, where the signal reaches the task immediately. From another
    // thread Asio would deliver it later, when the task and its signal may be gone.
    asio::dispatch(state_->executor, [state = state_, task, id] {
        if (state->tasks.contains(id)) task->stop.emit(asio::cancellation_type::terminal);
    });
}

std::size_t TaskGroup::running() const {
    return state_->tasks.size();
}

asio::awaitable<void> TaskGroup::wait() {
    // g++ 12 miscompiles a co_await in the condition of a loop: it resumes into a trap.
    bool ended = false;
    while (!ended) {
        ended = co_await wait_for(base::Milliseconds{3'600'000});
    }
}

asio::awaitable<bool> TaskGroup::wait_for(base::Milliseconds bound) {
    const auto state = state_;
    if (state->tasks.empty()) co_return true;
    asio::steady_timer timer{state->executor, bound};
    state->waiting.push_back(&timer);
    co_await timer.async_wait(as_result);
    std::erase(state->waiting, &timer);
    co_return state->tasks.empty();
}

}  // namespace nightjar::node::process

#include "sphinx/node/link/timed_writer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <utility>

#include "sphinx/node/process/scheduling.hpp"

namespace nightjar::node::link {

namespace {

// The thread wakes this long before a record is due and then watches the clock: waking takes tens
// of microseconds, and more on a processor that sleeps or is busy.
constexpr std::chrono::microseconds wake_early{100};
// How long it waits before it tries a full socket again.
constexpr base::Milliseconds full_pause{2};

base::Mono now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

TimedWriter::TimedWriter() : thread_{[this] { run(); }} {}

TimedWriter::~TimedWriter() {
    {
        const std::lock_guard lock{mutex_};
        ends_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void TimedWriter::attach(int socket) {
    const std::lock_guard lock{mutex_};
    assert(socket_ < 0 && records_.empty());
    socket_ = socket;
}

bool TimedWriter::detach() {
    const std::lock_guard lock{mutex_};
    const bool all = socket_ >= 0 && records_.empty();
    records_.clear();
    written_ = 0;
    socket_ = -1;
    return all;
}

void TimedWriter::write(base::Bytes bytes, base::Mono due) {
    {
        const std::lock_guard lock{mutex_};
        if (socket_ < 0) return;
        records_.push_back({std::move(bytes), due});
        if (records_.size() > 1) return;  // it waits for an earlier one
    }
    changed_.notify_one();
}

std::size_t TimedWriter::waiting() const {
    const std::lock_guard lock{mutex_};
    return records_.size();
}

std::size_t TimedWriter::overdue(base::Mono now) const {
    const std::lock_guard lock{mutex_};
    return static_cast<std::size_t>(
        std::ranges::count_if(records_, [now](const Record& record) { return record.due < now; }));
}

void TimedWriter::run() {
    process::take_priority();
    std::unique_lock lock{mutex_};
    while (!ends_) {
        if (records_.empty()) {
            changed_.wait(lock);
            continue;
        }
        const auto due = records_.front().due;
        const auto time = now();
        if (time < due - wake_early) {
            changed_.wait_until(lock, due - wake_early);
        } else if (time < due) {
            lock.unlock();
            while (now() < due) {
            }
            lock.lock();
        } else if (!write_first()) {
            changed_.wait_for(lock, full_pause);
        }
    }
}

bool TimedWriter::write_first() {
    const auto& bytes = records_.front().bytes;
    const auto sent = ::send(socket_, bytes.data() + written_, bytes.size() - written_,
                             MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
        if (errno == EINTR) return true;
        ::shutdown(socket_, SHUT_RDWR);
        records_.clear();
        written_ = 0;
        socket_ = -1;
        return true;
    }
    written_ += static_cast<std::size_t>(sent);
    if (written_ == bytes.size()) {
        records_.pop_front();
        written_ = 0;
    }
    return true;
}

}  // namespace nightjar::node::link

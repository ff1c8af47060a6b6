// A thread that writes sealed records to the socket of one link, each at its time. The link's own
// thread seals a record some milliseconds early and hands it over. From then on nothing that the
// link's thread does, and nothing that it waits for, moves the record's time on the wire.
//
// The thread takes a real-time priority where it may (sphinx/node/process/scheduling.hpp). It needs
// none: it only makes the thread less late on a busy machine.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::node::link {

/// All functions are called by one thread, that of the link.
class TimedWriter {
 public:
    /// Starts the thread. Throws std::system_error if the system gives none.
    TimedWriter();
    /// Ends the thread at once; what is still waiting is not written.
    ~TimedWriter();
    TimedWriter(const TimedWriter&) = delete;
    TimedWriter& operator=(const TimedWriter&) = delete;

    /// Writes to this socket from now on. The socket is connected, does not block, and stays open
    /// until detach(). Preconditions: nothing is attached, and no other thread writes to it.
    void attach(int socket);
    /// Gives the socket back: the thread does not touch it any more. Returns true if everything was
    /// written. The rest is dropped, so the TLS session cannot go on.
    bool detach();

    /// Hands bytes over, which are written at `due`, or at once if that has passed, and never
    /// before what was handed over earlier. They are all written, however late, because the peer
    /// would take a missing record for an attack. If writing fails, the thread shuts the socket
    /// down, so that its reader sees the end, and drops this and all that follows. Precondition: a
    /// socket is attached.
    void write(base::Bytes bytes, base::Mono due);

    /// How many of the write() calls since attach() are not written completely.
    std::size_t waiting() const;
    /// The number of those that were due before `now`.
    std::size_t overdue(base::Mono now) const;

 private:
    struct Record {
        base::Bytes bytes;
        base::Mono due;
    };

    void run();
    /// Writes the first record, or a part of it. False if the socket takes nothing now.
    bool write_first();

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Record> records_;
    std::size_t written_ = 0;  // bytes of the first record
    int socket_ = -1;          // -1: none is attached, or it has failed
    bool ends_ = false;
    std::thread thread_;  // last member: it uses the others
};

}  // namespace nightjar::node::link

// A condition variable for coroutines: one coroutine waits, other code on the same thread wakes it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "sphinx/base/time.hpp"

namespace nightjar::node::process {

/// One bit: set() sets it, and the wait that returns clears it. A set() before the wait is not
/// lost; several of them count as one. I/O thread only. At most one coroutine may wait at a time,
/// and the event must remain live while it waits.
class Event {
 public:
    explicit Event(boost::asio::any_io_executor executor);

    /// Wakes the waiting coroutine in a later turn of the I/O thread, or makes the next wait return
    /// at once.
    void set();
    /// Waits for set(). If the waiting task is cancelled, throws boost::system::system_error with
    /// operation_aborted, as Asio's own operations do; a set() that came first wins.
    boost::asio::awaitable<void> wait();
    /// Waits for set(), for at most `bound`. Returns false if it did not come in time. Cancelled as
    /// wait() is.
    boost::asio::awaitable<bool> wait_for(base::Nanoseconds bound);

 private:
    boost::asio::awaitable<bool> wait_for_timer();

    boost::asio::steady_timer timer_;  // set() cancels it; its own expiry is the wait's bound
    bool set_ = false;
};

}  // namespace nightjar::node::process

// The completion token of our coroutines.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nightjar::node::process {

/// `co_await operation(as_result)` gives a tuple whose first element is the operation's error code.
/// A failed or cancelled operation does not throw. If the task was cancelled, its next co_await
/// throws boost::system::system_error with operation_aborted.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace nightjar::node::process

#include "sphinx/node/process/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/completion.hpp"

namespace nightjar::node::process {

namespace asio = boost::asio;

namespace {

// A sign of life may come late by half the watchdog's time before the manager kills the process.
constexpr int signs_per_timeout = 4;

void send(std::string_view message) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un to{};
    // A path, or '@' and the name of a socket without a file.
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
    const auto length = std::strlen(path);
    if (length < 2 || length >= sizeof to.sun_path) return;
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path, length);
    if (path[0] == '@') to.sun_path[0] = '\0';
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    // Never waits: a full socket of the manager must not hold up the I/O thread.
    ::sendto(socket, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
             static_cast<const sockaddr*>(static_cast<const void*>(&to)), size);
    ::close(socket);
}

/// `status` on one line, so that it cannot hold a message of its own.
std::string status_line(std::string_view status) {
    std::string line{"STATUS="};
    for (const char c : status)
        line += c == '\n' ? ' ' : c;
    return line;
}

std::optional<std::uint64_t> number_in(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return std::nullopt;
    std::uint64_t value = 0;
    const char* end = text + std::strlen(text);
    const auto read = std::from_chars(text, end, value);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    return value;
}

}  // namespace

void notify_ready(std::string_view status) {
    send(status.empty() ? "READY=1" : "READY=1\n" + status_line(status));
}

void notify_status(std::string_view status) {
    send(status_line(status));
}

void notify_reloading() {
    // The time lets a manager that knows Type=notify-reload tell this reload from an earlier one.
    const auto now = mono_now().time_since_epoch();
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void notify_stopping() {
    send("STOPPING=1");
}

std::optional<base::Nanoseconds> watchdog_timeout() {
    const auto timeout = number_in("WATCHDOG_USEC");
    constexpr std::uint64_t longest = 86'400'000'000;  // a day
    if (!timeout || *timeout == 0 || *timeout > longest) return std::nullopt;
    const auto watched = number_in("WATCHDOG_PID");
    if (watched && *watched != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
    return std::chrono::microseconds{*timeout};
}

asio::awaitable<void> feed_watchdog(std::function<bool()> alive) {
    const auto timeout = watchdog_timeout();
    if (!timeout) co_return;
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (;;) {
        if (!alive || alive()) send("WATCHDOG=1");
        timer.expires_after(*timeout / signs_per_timeout);
        const auto waited = co_await timer.async_wait(as_result);
        if (std::get<0>(waited)) co_return;
    }
}

}  // namespace nightjar::node::process

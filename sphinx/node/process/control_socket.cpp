#include "sphinx/node/process/control_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <exception>
#include <optional>
#include <utility>

#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/node/process/socket_file.hpp"

namespace nightjar::node::process {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

namespace {

constexpr std::size_t answer_max = 1024 * 1024;

bool is_own_user(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    return peer.uid == 0 || peer.uid == ::geteuid();
}

/// Closes the socket if this object still exists when `patience` has passed.
class Deadline {
 public:
    template <typename Connection>
    Deadline(const std::shared_ptr<Connection>& connection, base::Milliseconds patience)
        : timer_{connection->socket.get_executor(), patience} {
        // The handler may already be queued when this object goes, so it shares the connection.
        timer_.async_wait([connection](error_code error) {
            error_code ignored;
            if (!error) connection->socket.close(ignored);
        });
    }

 private:
    asio::steady_timer timer_;
};

/// `answer` must outlive the task.
asio::awaitable<void> answer_once(const ControlSocket::Answer& answer, std::string request,
                                  const ControlSocket::Say& say) {
    auto line = co_await answer(std::move(request));
    co_await say(std::move(line));
}

ControlSocket::Conversation conversation_of(ControlSocket::Answer answer) {
    return [answer = std::move(answer)](std::string request, const ControlSocket::Say& say) {
        return answer_once(answer, std::move(request), say);
    };
}

asio::awaitable<std::string> exchange(stream_protocol::endpoint daemon, std::string request) {
    stream_protocol::socket socket{co_await asio::this_coro::executor};
    co_await socket.async_connect(daemon, asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    std::string answer;
    auto buffer = asio::dynamic_buffer(answer, answer_max);
    const auto size = co_await asio::async_read_until(socket, buffer, '\n', asio::use_awaitable);
    answer.resize(size - 1);
    co_return answer;
}

}  // namespace

struct ControlSocket::Connection {
    stream_protocol::socket socket;
    TaskGroup::TaskId task{};
};

ControlSocket::ControlSocket(asio::any_io_executor executor, std::filesystem::path path,
                             const char* key, ControlLimits limits, Answer answer, TaskGroup& tasks)
    : ControlSocket{std::move(executor),
                    std::move(path),
                    key,
                    limits,
                    conversation_of(std::move(answer)),
                    tasks,
                    true} {}

ControlSocket::ControlSocket(asio::any_io_executor executor, std::filesystem::path path,
                             const char* key, ControlLimits limits, Conversation conversation,
                             TaskGroup& tasks)
    : ControlSocket{std::move(executor),     std::move(path), key,  limits,
                    std::move(conversation), tasks,           false} {}

ControlSocket::ControlSocket(asio::any_io_executor executor, std::filesystem::path path,
                             const char* key, ControlLimits limits, Conversation conversation,
                             TaskGroup& tasks, bool one_request)
    : path_{std::move(path)},
      acceptor_{std::move(executor)},
      limits_{limits},
      conversation_{std::move(conversation)},
      one_request_{one_request},
      tasks_{tasks} {
    const auto change = std::string{"change `"} + key + "`";
    try {
        if (!remove_stale_socket(path_)) {
            throw StartupError{ExitCode::failure, "another process answers on " + path_.string() +
                                                      "; stop it, or " + change};
        }
        // No process can connect before listen(), and by then the mode is set.
        acceptor_.open();
        acceptor_.bind({path_.string()});
        if (::chmod(path_.c_str(), 0600) != 0) {
            throw boost::system::system_error{errno, boost::system::system_category()};
        }
        acceptor_.listen();
    } catch (const boost::system::system_error& error) {
        const bool denied = error.code() == boost::system::errc::permission_denied;
        throw StartupError{
            denied ? ExitCode::key_or_permission : ExitCode::failure,
            "cannot listen on " + path_.string() + ": " + error.code().message() + "; " + change};
    }
}

ControlSocket::~ControlSocket() {
    close();
}

void ControlSocket::close() {
    if (!acceptor_.is_open()) return;
    error_code ignored;
    acceptor_.close(ignored);
    ::unlink(path_.c_str());
}

asio::awaitable<void> ControlSocket::run() {
    auto admit = [this](stream_protocol::socket socket, const auto&, ConnectionPlace place) {
        this->admit(std::move(socket), std::move(place));
    };
    co_await accept_loop(acceptor_, {.connections = limits_.connections}, std::move(admit));
}

void ControlSocket::admit(stream_protocol::socket socket, ConnectionPlace place) {
    if (!is_own_user(socket.native_handle())) return;
    const auto connection = std::make_shared<Connection>(Connection{std::move(socket)});
    connection->task = tasks_.spawn("control connection", serve(connection, std::move(place)));
}

asio::awaitable<bool> ControlSocket::send(std::shared_ptr<Connection> connection,
                                          std::string line) {
    line += '\n';
    const Deadline deadline{connection, limits_.patience};
    const auto written =
        co_await asio::async_write(connection->socket, asio::buffer(line), as_result);
    error_code ignored;
    if (std::get<0>(written)) connection->socket.close(ignored);
    co_return !std::get<0>(written);
}

asio::awaitable<void> ControlSocket::serve(std::shared_ptr<Connection> connection,
                                           ConnectionPlace) {
    auto& socket = connection->socket;
    const Say say = [this, connection](std::string line) {
        return send(connection, std::move(line));
    };
    std::string received;
    bool watched = false;
    while (socket.is_open()) {
        std::optional<Deadline> deadline{std::in_place, connection, limits_.patience};
        auto buffer = asio::dynamic_buffer(received, limits_.request_max);
        const auto read = co_await asio::async_read_until(socket, buffer, '\n', as_result);
        if (std::get<0>(read)) co_return;
        deadline.reset();
        auto request = received.substr(0, std::get<1>(read) - 1);
        received.erase(0, std::get<1>(read));
        // Linux reports a hangup when the asker has closed its socket, but not after shutdown().
        auto on_hangup = [&tasks = tasks_, task = connection->task](error_code error) {
            if (!error) tasks.cancel(task);
        };
        if (!std::exchange(watched, true))
            socket.async_wait(stream_protocol::socket::wait_error, std::move(on_hangup));
        co_await conversation_(std::move(request), say);
        if (one_request_) co_return;
    }
}

base::Result<std::string, error_code> ask(const std::filesystem::path& path,
                                          std::string_view request, base::Milliseconds patience) {
    std::string answer;
    error_code why = asio::error::timed_out;
    auto on_end = [&](std::exception_ptr error, std::string text) {
        try {
            if (error) std::rethrow_exception(error);
            why = {};
            answer = std::move(text);
        } catch (const boost::system::system_error& failure) {
            why = failure.code();
        }
    };
    try {
        asio::io_context io{1};
        asio::co_spawn(io, exchange({path.string()}, std::string{request} + "\n"),
                       std::move(on_end));
        io.run_for(patience);
    } catch (const boost::system::system_error& failure) {
        why = failure.code();  // the path is too long
    }
    if (why) return base::Fail{why};
    return answer;
}

}  // namespace nightjar::node::process

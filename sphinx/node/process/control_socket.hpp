// The control socket of a daemon, for programs on the same machine. A connection carries lines: one
// request and its answer, or a conversation of several requests, one after the other.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/process/accept_loop.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::node::process {

struct ControlLimits {
    std::size_t connections;  // open at once; a further one is closed at once
    std::size_t request_max;  // bytes of a request with its line feed; a longer one gets no answer
    base::Milliseconds
        patience;  // for the whole request, and again for the asker to read the answer
};

/// I/O thread only. The asker must be the daemon's own user or root, according to the kernel;
/// others get no answer. The task group must outlive this object, and must be cancelled and awaited
/// before this object is destroyed.
class ControlSocket {
 public:
    /// Returns the answer to a request, both without the line feed. It may wait as long as it
    /// likes: its task is cancelled when the asker closes the connection. An asker that has only
    /// shut down its sending side still gets the answer.
    using Answer = std::function<boost::asio::awaitable<std::string>(std::string request)>;

    /// Sends a line, which has no line feed yet. False if the asker did not take it within
    /// `patience`, or has left: then nothing more can be sent. Must not be called after the task of
    /// its conversation has ended.
    using Say = std::function<boost::asio::awaitable<bool>(std::string line)>;
    /// Takes one request and says none, one or more lines. As for Answer, its task is cancelled
    /// when the asker closes the connection. The next request is read when it has returned.
    using Conversation =
        std::function<boost::asio::awaitable<void>(std::string request, const Say& say)>;

    /// Binds the socket with mode 0600. Replaces a socket file on which no process listens, and no
    /// other file. Throws StartupError; `key` is the setting that the operator should change. With
    /// an Answer a connection carries one request; with a Conversation any number.
    ControlSocket(boost::asio::any_io_executor executor, std::filesystem::path path,
                  const char* key, ControlLimits limits, Answer answer, TaskGroup& tasks);
    ControlSocket(boost::asio::any_io_executor executor, std::filesystem::path path,
                  const char* key, ControlLimits limits, Conversation conversation,
                  TaskGroup& tasks);
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    /// Serves askers until closed or cancelled. The owner spawns it once.
    boost::asio::awaitable<void> run();
    /// Stops listening and removes the socket file. Open connections go on.
    void close();

 private:
    struct Connection;

    ControlSocket(boost::asio::any_io_executor executor, std::filesystem::path path,
                  const char* key, ControlLimits limits, Conversation conversation,
                  TaskGroup& tasks, bool one_request);
    void admit(boost::asio::local::stream_protocol::socket socket, ConnectionPlace place);
    boost::asio::awaitable<void> serve(std::shared_ptr<Connection> connection,
                                       ConnectionPlace place);

    boost::asio::awaitable<bool> send(std::shared_ptr<Connection> connection, std::string line);

    std::filesystem::path path_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    ControlLimits limits_;
    Conversation conversation_;
    bool one_request_;  // of a connection
    TaskGroup& tasks_;
};

/// The asker's side: sends one request to the daemon at `path` and returns its answer, both without
/// the line feed. Blocks the thread for at most `patience`. The error says why there is no answer:
/// timed_out, or eof if the daemon closed the connection.
base::Result<std::string, boost::system::error_code> ask(const std::filesystem::path& path,
                                                         std::string_view request,
                                                         base::Milliseconds patience);

}  // namespace nightjar::node::process

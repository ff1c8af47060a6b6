// c-ares on our event loop: sends one question at a time to the name servers and returns the whole
// answer. c-ares closes its sockets after each question, so each has a port of its own (RFC 5452,
// section 9.2): version 1.18 would send all questions of a channel from one port.
// c-ares owns its sockets and reports which events it waits for; the channel watches the sockets
// with Asio and reports each event back. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::io {

class AresChannel {
 public:
    enum class Transport { udp, tcp };
    struct Options {
        /// Empty: the system's servers.
        std::vector<base::IpEndpoint> servers;
        base::Milliseconds per_try{2500};
        int tries = 2;
        /// UDP: a truncated answer is asked for again over TCP.
        Transport transport = Transport::udp;
    };
    /// `status` is ARES_SUCCESS or an error of c-ares; the message is empty if no server answered.
    using OnAnswer = std::function<void(int status, std::span<const std::uint8_t> message)>;

    /// Throws std::runtime_error if c-ares does not start.
    AresChannel(boost::asio::any_io_executor executor, const Options& options);
    /// A question in progress is answered by ARES_EDESTRUCTION. Never call it from an answer of
    /// this channel.
    ~AresChannel();

    /// Asks for records of one type (RFC 1035, section 3.2.2) of class IN. Calls `on_answer` once,
    /// perhaps before this call returns, and at the latest after tries x per_try, times the number
    /// of servers. The hosts file and search domains are never used. `id`: the message's, which
    /// must be hard to guess. c-ares would read a file for one, and take a guessable one where it
    /// can open none; Debian 13's version takes one of its own by getrandom(2) in any case.
    /// Precondition: idle().
    void ask(const std::string& name, int type, std::uint16_t id, OnAnswer on_answer);
    /// False from ask() until a turn of the event loop after the answer.
    bool idle() const;
    /// The servers in use.
    std::vector<base::IpEndpoint> servers() const;
    /// Answers the question by ARES_EDESTRUCTION. Later calls are answered so at once.
    void stop();

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace nightjar::relay::io

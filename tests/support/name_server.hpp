// A name server for tests, on loopback.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <map>
#include <string>
#include <vector>

#include "relay/core/exit_policy.hpp"

namespace nightjar::test {

/// Answers A queries for its names, NXDOMAIN for others, and does not answer for "silent.test".
class NameServer {
 public:
    explicit NameServer(boost::asio::io_context& io)
        : socket_{io, boost::asio::ip::udp::endpoint{boost::asio::ip::address_v4::loopback(), 0}} {
        receive();
    }
    base::IpEndpoint address() const {
        return {base::IpAddress::parse("127.0.0.1").value(), socket_.local_endpoint().port()};
    }
    void close() { socket_.close(); }

    std::map<std::string, std::array<std::uint8_t, 4>> names;
    int questions = 0;

 private:
    void receive() {
        socket_.async_receive_from(boost::asio::buffer(packet_), peer_,
                                   [this](boost::system::error_code error, std::size_t size) {
                                       if (error) return;
                                       answer(size);
                                       receive();
                                   });
    }
    void answer(std::size_t size) {
        ++questions;
        std::string name;
        std::size_t at = 12;
        while (at < size && packet_[at] != 0) {
            if (!name.empty()) name += '.';
            name.append(reinterpret_cast<const char*>(&packet_[at + 1]), packet_[at]);
            at += packet_[at] + 1u;
        }
        const bool ipv4 = packet_[at + 2] == 1;
        if (name == "silent.test") return;
        std::vector<std::uint8_t> reply(packet_.begin(),
                                        packet_.begin() + static_cast<int>(at + 5));
        const auto known = names.find(name);
        const bool found = known != names.end() && ipv4;
        reply[2] = 0x81;
        reply[3] = known == names.end() ? 0x83 : 0x80;
        reply[7] = found ? 1 : 0;
        reply[9] = reply[11] = 0;
        if (found) {
            const auto& a = known->second;
            reply.insert(reply.end(), {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4});
            reply.insert(reply.end(), a.begin(), a.end());
        }
        socket_.send_to(boost::asio::buffer(reply), peer_);
    }

    boost::asio::ip::udp::socket socket_;
    boost::asio::ip::udp::endpoint peer_;
    std::array<std::uint8_t, 512> packet_{};
};

}  // namespace nightjar::test

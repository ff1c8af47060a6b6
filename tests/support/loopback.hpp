// Addresses on loopback that belong to one test alone.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "sphinx/base/random.hpp"

namespace nightjar::test {

/// A network of its own, 127.255.X.0/24. The connections of all tests come from 127.0.0.1, most of
/// their listeners are there, and the networks of processes are 127.A.B.0/24 with A below 255
/// (deploy/nightjar_demo/folders.py). So whether a port is free here does not depend on what runs
/// beside this test.
class OwnNetwork {
 public:
    boost::asio::ip::address_v4 address(unsigned host) const {
        return boost::asio::ip::address_v4{base_ | host};
    }
    std::string text(unsigned host) const { return address(host).to_string(); }

 private:
    const std::uint32_t base_ =
        0x7fff'0000u | static_cast<std::uint32_t>(base::SystemRandom{}.below(255) << 8);
};

/// An endpoint where nothing listens, and where nothing else begins to listen.
inline boost::asio::ip::tcp::endpoint free_endpoint() {
    const auto host = 1 + base::SystemRandom{}.below(254);
    const boost::asio::ip::tcp::endpoint any{OwnNetwork{}.address(static_cast<unsigned>(host)), 0};
    boost::asio::io_context io;
    return boost::asio::ip::tcp::acceptor{io, any}.local_endpoint();
}

/// False on a machine whose loopback has no IPv6, as in some containers.
inline bool has_ipv6() {
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor acceptor{io};
    boost::system::error_code error;
    acceptor.open(boost::asio::ip::tcp::v6(), error);
    if (!error) acceptor.bind({boost::asio::ip::address_v6::loopback(), 0}, error);
    return !error;
}

}  // namespace nightjar::test

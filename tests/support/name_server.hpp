// A name server for tests, on loopback.
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/core/name_answers.hpp"

namespace nightjar::test {

/// Answers A, AAAA and PTR queries for its names, and NXDOMAIN for others, over UDP and TCP. Names
/// are in small letters; the case of a question does not matter. It does not answer for
/// "silent.test".
class NameServer {
 public:
    static constexpr std::uint16_t a = 1, ptr = 12, aaaa = 28;

    /// What a name has. Records appear in the answer in this order.
    struct Zone {
        std::vector<std::string> addresses;  // of both families
        std::uint32_t ttl = 60;
        std::uint16_t silent_about = 0;  // queries of this type get no answer
        std::chrono::milliseconds delay{0};
        std::uint16_t delayed = 0;  // queries of this type are answered after `delay`
        std::string name;           // for PTR
    };

    explicit NameServer(boost::asio::io_context& io) : socket_{io}, listener_{io} {
        open();
        receive();
        accept();
    }
    base::IpEndpoint address() const {
        return {base::IpAddress::parse("127.0.0.1").value(), socket_.local_endpoint().port()};
    }
    void close() {
        socket_.close();
        listener_.close();
    }
    /// The questions of one type about one name.
    int asked(const std::string& name, std::uint16_t type) const {
        const auto found = asked_.find({name, type});
        return found == asked_.end() ? 0 : found->second;
    }

    std::map<std::string, std::array<std::uint8_t, 4>> names;
    std::map<std::string, Zone> zones;
    int questions = 0;
    int questions_over_tcp = 0;
    /// Over UDP: the answer repeats the question in small letters, as a forged one would.
    bool lower_case = false;
    std::vector<std::uint16_t> ports;    // the source of each question over UDP
    std::vector<std::string> spellings;  // the name in each question, as it was sent

 private:
    using Packet = std::vector<std::uint8_t>;

    /// Takes a port that is free for UDP and for TCP. The system chooses one for UDP, and a
    /// connection of another test may have the same one for TCP.
    void open() {
        const auto loopback = boost::asio::ip::address_v4::loopback();
        const boost::asio::ip::tcp::endpoint any{loopback, 0};
        listener_.open(any.protocol());
        boost::system::error_code taken;
        for (int tries = 0; tries < 100; ++tries) {
            socket_ = {socket_.get_executor(), {loopback, 0}};
            listener_.bind({loopback, socket_.local_endpoint().port()}, taken);
            if (!taken) return listener_.listen();
        }
        throw boost::system::system_error{taken};
    }
    void receive() {
        socket_.async_receive_from(
            boost::asio::buffer(packet_), peer_,
            [this](boost::system::error_code error, std::size_t size) {
                // A question may have come just before close().
                if (error || !socket_.is_open()) return;
                ports.push_back(peer_.port());
                answer({packet_.begin(), packet_.begin() + static_cast<int>(size)}, nullptr);
                receive();
            });
    }
    using Stream = boost::asio::ip::tcp::socket;

    /// One question a connection.
    void accept() {
        listener_.async_accept([this](boost::system::error_code error, Stream stream) {
            if (error || !listener_.is_open()) return;
            const auto peer = std::make_shared<Stream>(std::move(stream));
            const auto bytes = std::make_shared<Packet>(514);
            peer->async_read_some(
                boost::asio::buffer(*bytes),
                [this, peer, bytes](boost::system::error_code failed, std::size_t size) {
                    if (failed || size < 2) return;
                    ++questions_over_tcp;
                    answer({bytes->begin() + 2, bytes->begin() + static_cast<int>(size)}, peer);
                });
            accept();
        });
    }
    void answer(const Packet& question, const std::shared_ptr<Stream>& over_tcp) {
        ++questions;
        std::string name;
        std::size_t at = 12;
        while (at < question.size() && question[at] != 0) {
            if (!name.empty()) name += '.';
            name.append(reinterpret_cast<const char*>(&question[at + 1]), question[at]);
            at += question[at] + 1u;
        }
        spellings.push_back(name);
        Packet reply(question.begin(), question.begin() + static_cast<int>(at + 5));
        name = relay::core::canonical_name(name);
        if (lower_case && !over_tcp)
            std::transform(reply.begin() + 12, reply.begin() + static_cast<int>(at),
                           reply.begin() + 12, [](std::uint8_t c) {
                               return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c | 0x20)
                                                           : c;
                           });
        const auto type = static_cast<std::uint16_t>(question[at + 1] << 8 | question[at + 2]);
        ++asked_[{name, type}];
        const auto zone = find(name);
        if (name == "silent.test" || zone.silent_about == type) return;
        complete(reply, zone, type, zones.contains(name) || names.contains(name));
        if (over_tcp) return write(std::move(reply), over_tcp);
        send(std::move(reply), zone.delayed == type ? zone.delay : std::chrono::milliseconds{0});
    }
    static void complete(Packet& reply, const Zone& zone, std::uint16_t type, bool known) {
        const auto records = records_of(zone, type);
        reply[2] = 0x81;
        reply[3] = known ? 0x80 : 0x83;
        reply[7] = static_cast<std::uint8_t>(records.size());
        reply[9] = reply[11] = 0;
        for (const auto& record : records) {
            reply.insert(reply.end(), {0xc0, 12, 0, static_cast<std::uint8_t>(type), 0, 1});
            for (int shift = 24; shift >= 0; shift -= 8)
                reply.push_back(static_cast<std::uint8_t>(zone.ttl >> shift));
            reply.push_back(0);
            reply.push_back(static_cast<std::uint8_t>(record.size()));
            reply.insert(reply.end(), record.begin(), record.end());
        }
    }
    static void write(Packet reply, const std::shared_ptr<Stream>& stream) {
        reply.insert(reply.begin(), {static_cast<std::uint8_t>(reply.size() >> 8),
                                     static_cast<std::uint8_t>(reply.size())});
        boost::system::error_code ignored;
        boost::asio::write(*stream, boost::asio::buffer(reply), ignored);
    }
    Zone find(const std::string& name) const {
        if (const auto zone = zones.find(name); zone != zones.end()) return zone->second;
        Zone zone;
        const auto known = names.find(name);
        if (known != names.end()) {
            base::IpAddress address;
            std::copy(known->second.begin(), known->second.end(), address.bytes.begin());
            zone.addresses = {address.to_text()};
        }
        return zone;
    }
    static std::vector<Packet> records_of(const Zone& zone, std::uint16_t type) {
        std::vector<Packet> records;
        if (type == ptr && !zone.name.empty()) records.push_back(labels(zone.name));
        for (const auto& text : zone.addresses) {
            const auto address = base::IpAddress::parse(text).value();
            if (type != (address.v6 ? aaaa : a)) continue;
            records.emplace_back(address.bytes.begin(), address.bytes.begin() + address.bits() / 8);
        }
        return records;
    }
    static Packet labels(const std::string& name) {
        Packet bytes;
        for (std::size_t at = 0; at <= name.size();) {
            const auto dot = std::min(name.find('.', at), name.size());
            bytes.push_back(static_cast<std::uint8_t>(dot - at));
            bytes.insert(bytes.end(), name.begin() + static_cast<int>(at),
                         name.begin() + static_cast<int>(dot));
            at = dot + 1;
        }
        bytes.push_back(0);
        return bytes;
    }
    void send(Packet reply, std::chrono::milliseconds delay) {
        if (delay.count() == 0) {
            socket_.send_to(boost::asio::buffer(reply), peer_);
            return;
        }
        const auto timer = std::make_shared<boost::asio::steady_timer>(socket_.get_executor());
        timer->expires_after(delay);
        auto on_time = [this, timer, peer = peer_,
                        reply = std::move(reply)](boost::system::error_code error) {
            boost::system::error_code ignored;
            if (!error && socket_.is_open())
                socket_.send_to(boost::asio::buffer(reply), peer, 0, ignored);
        };
        timer->async_wait(std::move(on_time));
    }

    boost::asio::ip::udp::socket socket_;
    boost::asio::ip::tcp::acceptor listener_;
    boost::asio::ip::udp::endpoint peer_;
    std::array<std::uint8_t, 512> packet_{};
    std::map<std::pair<std::string, std::uint16_t>, int> asked_;
};

}  // namespace nightjar::test

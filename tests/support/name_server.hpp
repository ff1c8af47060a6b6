// A name server for tests, on loopback.
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/core/exit_policy.hpp"

namespace nightjar::test {

/// Answers A, AAAA and PTR queries for its names, and NXDOMAIN for others. It does not answer for
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

    explicit NameServer(boost::asio::io_context& io)
        : socket_{io, boost::asio::ip::udp::endpoint{boost::asio::ip::address_v4::loopback(), 0}} {
        receive();
    }
    base::IpEndpoint address() const {
        return {base::IpAddress::parse("127.0.0.1").value(), socket_.local_endpoint().port()};
    }
    void close() { socket_.close(); }
    /// The questions of one type about one name.
    int asked(const std::string& name, std::uint16_t type) const {
        const auto found = asked_.find({name, type});
        return found == asked_.end() ? 0 : found->second;
    }

    std::map<std::string, std::array<std::uint8_t, 4>> names;
    std::map<std::string, Zone> zones;
    int questions = 0;

 private:
    using Packet = std::vector<std::uint8_t>;

    void receive() {
        socket_.async_receive_from(boost::asio::buffer(packet_), peer_,
                                   [this](boost::system::error_code error, std::size_t size) {
                                       // A question may have come just before close().
                                       if (error || !socket_.is_open()) return;
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
        const auto type = static_cast<std::uint16_t>(packet_[at + 1] << 8 | packet_[at + 2]);
        ++asked_[{name, type}];
        const auto zone = find(name);
        if (name == "silent.test" || zone.silent_about == type) return;
        Packet reply(packet_.begin(), packet_.begin() + static_cast<int>(at + 5));
        const auto records = records_of(zone, type);
        const bool known = zones.contains(name) || names.contains(name);
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
        send(std::move(reply), zone.delayed == type ? zone.delay : std::chrono::milliseconds{0});
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
    boost::asio::ip::udp::endpoint peer_;
    std::array<std::uint8_t, 512> packet_{};
    std::map<std::pair<std::string, std::uint16_t>, int> asked_;
};

}  // namespace nightjar::test

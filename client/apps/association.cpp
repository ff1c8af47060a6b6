// UDP ASSOCIATE for DNS: a socket for the datagrams of one application, for as long as its TCP
// connection lives. Every datagram that is no question to a name server is dropped.
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "client/apps/application.hpp"
#include "client/apps/proxy.hpp"
#include "client/protocol/socks5_udp.hpp"

namespace nightjar::client::apps {

using boost::system::error_code;
using Udp = asio::ip::udp;
using node::process::as_result;
namespace dns = protocol::dns;
namespace socks5 = protocol::socks5;

namespace {

constexpr base::Milliseconds pause_after_error{20};

/// Empty for the end of a unix socket, which has no address.
std::optional<asio::ip::address> address_of(const Listener::Protocol::endpoint& end) {
    asio::ip::tcp::endpoint address;
    const auto family = end.protocol().family();
    if ((family != AF_INET && family != AF_INET6) || end.size() > address.capacity())
        return std::nullopt;
    std::memcpy(address.data(), end.data(), end.size());
    return address.address();
}

base::IpEndpoint plain(const Udp::endpoint& end) {
    base::IpEndpoint plain{.address = {.v6 = end.address().is_v6()}, .port = end.port()};
    if (plain.address.v6)
        plain.address.bytes = end.address().to_v6().to_bytes();
    else
        std::ranges::copy(end.address().to_v4().to_bytes(), plain.address.bytes.begin());
    return plain;
}

}  // namespace

/// Shared by the task that reads the TCP connection, the one that reads datagrams, and one for each
/// question.
struct Proxy::Association {
    explicit Association(const asio::any_io_executor& executor) : socket{executor} {}

    /// What does not fit into the socket's buffer is lost, as datagrams are.
    void send(base::Bytes header, const base::Bytes& answer) {
        if (answer.empty() || !socket.is_open()) return;
        header.insert(header.end(), answer.begin(), answer.end());
        error_code ignored;
        socket.send_to(asio::buffer(header), peer, 0, ignored);
    }

    Udp::socket socket;
    /// Its port is the one that the request named, or that of the first datagram with a valid
    /// header. 0: none yet.
    Udp::endpoint peer;
    std::size_t questions = 0;
};

/// Precondition: the application has asked for an association.
asio::awaitable<void> Proxy::serve_association(Ref application) {
    error_code error;
    const auto own = address_of(application->socket.local_endpoint(error));
    const auto other = address_of(application->socket.remote_endpoint(error));
    const auto association = std::make_shared<Association>(executor_);
    auto refusal = socks5::Reply::succeeded;
    if (!own || !other) {
        refusal = socks5::Reply::command_not_supported;
    } else if (associations_ >= limits_.associations) {
        count_refused("UDP associations");
        refusal = socks5::Reply::overloaded;
    } else {
        association->peer = {*other, application->handshake.association_port()};
        auto& socket = association->socket;
        socket.open(own->is_v6() ? Udp::v6() : Udp::v4(), error);
        if (!error) socket.bind({*own, 0}, error);
        if (!error) socket.non_blocking(true, error);
        if (error) refusal = socks5::Reply::general_failure;
    }
    if (refusal != socks5::Reply::succeeded) {
        co_await send_refusal(application, application->handshake.reply_bytes(refusal));
        co_return;
    }
    struct Counted {
        Counted(std::size_t& of, Association& held) : count{of}, association{held} { ++count; }
        ~Counted() {
            --count;
            error_code ignored;
            association.socket.close(ignored);
        }
        std::size_t& count;
        Association& association;
    } const counted{associations_, *association};
    application->phase = Application::Phase::associated;
    application->deadline = Application::Clock::now() + limits_.association;
    const auto reply = socks5::association_bytes(plain(association->socket.local_endpoint(error)));
    tasks_.spawn("datagrams of an application", receive_datagrams(application, association));
    auto result = co_await asio::async_write(application->socket, asio::buffer(reply), as_result);
    base::Bytes discarded(512);
    while (!std::get<0>(result))
        result = co_await application->socket.async_read_some(asio::buffer(discarded), as_result);
}

asio::awaitable<void> Proxy::receive_datagrams(Ref application,
                                               std::shared_ptr<Association> association) {
    std::array<std::uint8_t, socks5::datagram_max + 1> buffer;
    asio::steady_timer pause{executor_};
    auto& [socket, peer, questions] = *association;
    while (socket.is_open()) {
        Udp::endpoint from;
        const auto received =
            co_await socket.async_receive_from(asio::buffer(buffer), from, as_result);
        if (std::get<0>(received)) {
            pause.expires_after(pause_after_error);
            co_await pause.async_wait(as_result);
            continue;
        }
        if (from.address() != peer.address()) continue;
        if (peer.port() != 0 && from.port() != peer.port()) continue;
        const auto datagram =
            socks5::read_datagram(base::ByteView{buffer}.first(std::get<1>(received)));
        if (!datagram) continue;
        peer.port(from.port());
        application->deadline = Application::Clock::now() + limits_.association;
        base::Bytes header{datagram->header.begin(), datagram->header.end()};
        auto query = dns::read_query(datagram->message, private_targets_);
        if (!query.question)
            association->send(std::move(header), query.answer);
        else if (questions < limits_.questions)
            tasks_.spawn("DNS question",
                         answer_datagram(application, association, std::move(header),
                                         std::move(*query.question)));
    }
}

asio::awaitable<void> Proxy::answer_datagram(Ref application,
                                             std::shared_ptr<Association> association,
                                             base::Bytes header, dns::Question question) {
    struct Counted {
        explicit Counted(std::size_t& of) : count{of} { ++count; }
        ~Counted() { --count; }
        std::size_t& count;
    } const counted{association->questions};
    const auto said = co_await lookups_.answer(application->handshake.isolation(), question,
                                               private_targets_, dns::udp_answer_max);
    association->send(std::move(header), said);
}

}  // namespace nightjar::client::apps

#include "client/apps/name_server.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "client/protocol/isolation_rules.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/listen_error.hpp"

namespace nightjar::client::apps {

using boost::system::error_code;
using node::process::as_result;
namespace dns = protocol::dns;

namespace {

// After an error that concerns one datagram only, such as a port of an asker that has gone.
constexpr base::Milliseconds pause_after_error{20};

constexpr std::uint32_t mapped_ttl = 60;

/// Closes a connection's socket when its time has passed. Its owner moves the time.
class Watch {
 public:
    explicit Watch(std::shared_ptr<asio::ip::tcp::socket> socket)
        : socket_{std::move(socket)}, timer_{socket_->get_executor()} {}
    void allow(base::Seconds time) {
        timer_.expires_after(time);
        // The handler may already be queued when this object goes, so it shares the socket.
        auto expired = [socket = socket_](error_code error) {
            error_code ignored;
            if (!error) socket->close(ignored);
        };
        timer_.async_wait(std::move(expired));
    }

 private:
    std::shared_ptr<asio::ip::tcp::socket> socket_;
    asio::steady_timer timer_;
};

}  // namespace

NameServer::NameServer(asio::any_io_executor executor, node::process::TaskGroup& tasks,
                       Lookups& lookups, protocol::NameMap* names,
                       protocol::ListenerOptions options, const char* key, NameServerLimits limits)
    : tasks_{tasks},
      lookups_{lookups},
      names_{names},
      limits_{limits},
      udp_{executor},
      tcp_{executor},
      number_{options.number} {
    const auto host = asio::ip::make_address(options.endpoint.host);
    Tcp::endpoint at{host, options.endpoint.port};
    try {
        tcp_.open(at.protocol());
        tcp_.set_option(asio::socket_base::reuse_address{true});
        tcp_.bind(at);
        at.port(tcp_.local_endpoint().port());
        udp_.open(at.protocol() == Tcp::v6() ? Udp::v6() : Udp::v4());
        udp_.bind({host, at.port()});
        tcp_.listen();
    } catch (const boost::system::system_error& error) {
        throw node::process::cannot_listen(at, error.code(), key);
    }
    address_ = directory::to_text(directory::Endpoint{options.endpoint.host, at.port()});
    remote_ = !host.is_loopback();
    isolation_ = protocol::isolation_key(
        {.listener = protocol::name_in_keys(address_, number_), .by_listener = options.by_listener},
        std::nullopt);
}

void NameServer::serve(bool private_targets) {
    private_targets_ = private_targets;
    auto admitted = [self = shared_from_this()](Tcp::socket socket, const Tcp::endpoint&,
                                                node::process::ConnectionPlace place) {
        self->tasks_.spawn("DNS connection",
                           self->serve_connection(self, std::move(socket), std::move(place)));
    };
    tasks_.spawn("DNS over UDP", receive_questions(shared_from_this()));
    tasks_.spawn("DNS over TCP",
                 node::process::accept_loop(tcp_, {.connections = limits_.connections}, admitted));
}

void NameServer::close() {
    error_code ignored;
    udp_.close(ignored);
    tcp_.close(ignored);
}

asio::awaitable<void> NameServer::receive_questions(Self self) {
    std::array<std::uint8_t, dns::query_max + 1> buffer;
    asio::steady_timer pause{udp_.get_executor()};
    while (udp_.is_open()) {
        Udp::endpoint asker;
        const auto received =
            co_await udp_.async_receive_from(asio::buffer(buffer), asker, as_result);
        if (std::get<0>(received)) {
            pause.expires_after(pause_after_error);
            co_await pause.async_wait(as_result);
            continue;
        }
        auto query =
            dns::read_query(base::ByteView{buffer}.first(std::get<1>(received)), private_targets_);
        if (!query.question) {
            send(query.answer, asker);
        } else if (!full(asker)) {
            tasks_.spawn("DNS question", answer_datagram(self, std::move(*query.question), asker));
        }
    }
}

asio::awaitable<void> NameServer::answer_datagram(Self, dns::Question question,
                                                  Udp::endpoint asker) {
    struct Counted {
        Counted(NameServer& of, const Udp::endpoint& asker) : server{of}, from{asker} {
            ++server.questions_;
            ++server.askers_[from];
        }
        ~Counted() {
            --server.questions_;
            if (--server.askers_[from] == 0) server.askers_.erase(from);
        }
        NameServer& server;
        const Udp::endpoint from;
    } const counted{*this, asker};
    const auto said = co_await answer(std::move(question), dns::udp_answer_max);
    send(said, asker);
}

/// True if a further question of this asker must wait until it is asked again.
bool NameServer::full(const Udp::endpoint& asker) const {
    const auto known = askers_.find(asker);
    return questions_ >= limits_.questions ||
           (known != askers_.end() && known->second >= limits_.of_one_asker);
}

/// What does not fit into the socket's buffer is lost, as datagrams are.
void NameServer::send(const base::Bytes& answer, const Udp::endpoint& asker) {
    if (answer.empty() || !udp_.is_open()) return;
    error_code ignored;
    udp_.non_blocking(true, ignored);
    udp_.send_to(asio::buffer(answer), asker, 0, ignored);
}

/// Questions of one connection are answered one after the other.
asio::awaitable<void> NameServer::serve_connection(Self, Tcp::socket connected,
                                                   node::process::ConnectionPlace) {
    const auto socket = std::make_shared<Tcp::socket>(std::move(connected));
    Watch watch{socket};
    while (tcp_.is_open()) {
        watch.allow(limits_.silence);
        std::array<std::uint8_t, 2> length{};
        const auto begun = co_await asio::async_read(*socket, asio::buffer(length), as_result);
        const std::size_t size = std::size_t{length[0]} << 8 | length[1];
        if (std::get<0>(begun) || size > dns::query_max) co_return;
        base::Bytes message(size);
        const auto read = co_await asio::async_read(*socket, asio::buffer(message), as_result);
        if (std::get<0>(read)) co_return;
        auto query = dns::read_query(message, private_targets_);
        watch.allow(base::Seconds{60});  // the lookup has a deadline of its own
        auto said = std::move(query.answer);
        if (query.question) said = co_await answer(std::move(*query.question), dns::tcp_answer_max);
        if (said.empty()) co_return;
        watch.allow(limits_.silence);
        said.insert(said.begin(), {static_cast<std::uint8_t>(said.size() >> 8),
                                   static_cast<std::uint8_t>(said.size())});
        const auto written = co_await asio::async_write(*socket, asio::buffer(said), as_result);
        if (std::get<0>(written)) co_return;
    }
}

asio::awaitable<base::Bytes> NameServer::answer(dns::Question question, std::size_t most) {
    if (names_ != nullptr && !question.address) {
        const auto address = names_->address_of(question.name, node::process::mono_now());
        if (!address) co_return dns::failure(question, dns::Code::server_failure);
        // Short: after a restart of the client the addresses stand for other names.
        const stream::NameRecord mapped{*address, mapped_ttl};
        co_return dns::answer(question, {&mapped, 1}, true, most);
    }
    if (names_ != nullptr && names_->contains(*question.address))
        co_return dns::failure(question, dns::Code::no_such_name);
    co_return co_await lookups_.answer(isolation_, std::move(question), private_targets_, most);
}

}  // namespace nightjar::client::apps

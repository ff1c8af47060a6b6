#include "tests/bench/relay_load/alone.hpp"

#include <sodium.h>
#include <time.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <stdexcept>
#include <vector>

#include "sphinx/node/link/link.hpp"
#include "sphinx/node/link/listener.hpp"
#include "sphinx/node/process/task_group.hpp"
#include "sphinx/packet/packet.hpp"
#include "tests/bench/relay_load/packets.hpp"

namespace nightjar::bench {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

/// Processor time of this thread in microseconds.
double thread_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

/// The median over `rounds` of the time that work() takes for one of `each` items.
template <class Work>
double median_time(int rounds, std::size_t each, Work work) {
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i) {
        const auto began = thread_time();
        work();
        times.push_back((thread_time() - began) / static_cast<double>(each));
    }
    std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
    return times[static_cast<std::size_t>(rounds / 2)];
}

/// Both ends of one link, in this thread.
struct Pair {
    struct Counter : node::link::Link::Sink {
        void on_cell(node::link::Link&, cell::CellBox) override { ++cells; }
        std::size_t cells = 0;
    };

    Pair() {
        tasks.spawn("listener", listener.run());
        tasks.spawn("dial", dial(this));
        while (!dialling || !answering)
            turn();
        tasks.spawn("dialling", drain(dialling->run(at_dialling)));
        tasks.spawn("answering", drain(answering->run(at_answering)));
    }
    ~Pair() {
        listener.stop();
        dialling.reset();
        answering.reset();
        tasks.cancel();
        while (tasks.running() > 0)
            turn();
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;

    void turn() {
        io.restart();
        io.run_one();
    }
    static base::Secret<32> seed(std::uint8_t n) {
        base::Secret<32> secret;
        std::fill(secret.span().begin(), secret.span().end(), n);
        return secret;
    }
    static cell::Hello hello() {
        cell::Hello mine;
        mine.role = cell::LinkRole::relay;
        return mine;
    }
    static asio::awaitable<void> drain(asio::awaitable<node::link::LinkError> run) {
        co_await std::move(run);
    }
    static asio::awaitable<void> dial(Pair* pair) {
        auto dialled = co_await node::link::dial(pair->listener.address(), pair->one,
                                                 pair->other.key(), hello(), {});
        if (!dialled) throw std::runtime_error{node::link::to_string(dialled.error())};
        pair->dialling = std::move(*dialled);
    }

    asio::io_context io{1};
    node::link::TlsIdentity one{seed(1)};
    node::link::TlsIdentity other{seed(2)};
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const std::string&, const std::string&) {}};
    node::link::Listener listener{
        io.get_executor(),
        tcp::endpoint{asio::ip::address_v4::loopback(), 0},
        other,
        hello(),
        {},
        [this](std::unique_ptr<node::link::Link> link) { answering = std::move(link); }};
    Counter at_dialling;
    Counter at_answering;
    std::unique_ptr<node::link::Link> dialling;
    std::unique_ptr<node::link::Link> answering;
};

}  // namespace

double scalar_multiplication() {
    base::ByteArray<32> scalar{9}, point{9}, product{};
    constexpr std::size_t each = 8;
    return median_time(51, each, [&] {
        for (std::size_t i = 0; i < each; ++i) {
            if (crypto_scalarmult(product.data(), scalar.data(), point.data()) != 0)
                throw std::runtime_error{"crypto_scalarmult"};
            scalar = product;
        }
    });
}

double unwrap_alone() {
    constexpr std::size_t each = 64;
    constexpr int rounds = 15;
    base::SeededRandom random{5};
    const auto mine = packet::generate_key_pair(random);
    const auto behind = packet::generate_key_pair(random);
    const PacketPlan plan{{random.id<base::NodeId>(), mine.public_key, 0},
                          behind.public_key,
                          {},
                          base::Milliseconds{50},
                          base::Milliseconds{500}};
    auto packets = forward_packets(plan, std::vector<Target>(each * rounds), random);
    std::vector<packet::UnwrapJob> jobs(each);
    std::size_t next = 0;
    return median_time(rounds, each, [&] {
        for (auto& job : jobs)
            job = {packets[next++].cell->body(), &mine.secret};
        packet::unwrap_batch(jobs, packet::packet_size);
        for (const auto& job : jobs)
            if (!job.outcome) throw std::runtime_error{"a packet cannot be unwrapped"};
    });
}

double link_alone() {
    constexpr std::size_t each = 16;
    Pair pair;
    std::size_t sent = 0;
    return median_time(201, each, [&] {
        for (std::size_t i = 0; i < each; ++i)
            pair.dialling->send(std::make_unique<cell::Cell>());
        sent += each;
        while (pair.at_answering.cells < sent)
            pair.turn();
    });
}

}  // namespace nightjar::bench

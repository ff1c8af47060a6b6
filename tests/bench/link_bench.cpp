// The cost of a cell on a link over loopback, with both ends in one thread: TLS, memory, system
// calls. The argument is the number of cells that are due at once.
#include <benchmark/benchmark.h>

#include <boost/asio/io_context.hpp>
#include <stdexcept>

#include "sphinx/node/link/link.hpp"
#include "sphinx/node/link/listener.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace {

using namespace nightjar;
namespace asio = boost::asio;
using asio::ip::tcp;

base::Secret<32> seed(std::uint8_t n) {
    base::Secret<32> secret;
    for (std::uint8_t& byte : secret.span())
        byte = n;
    return secret;
}

cell::Hello hello(cell::LinkRole role) {
    cell::Hello mine;
    mine.role = role;
    return mine;
}

struct Counter : node::link::Link::Sink {
    void on_cell(node::link::Link&, cell::CellBox) override { ++cells; }
    std::size_t cells = 0;
};

// Takes run() and not the link, because the link may be gone before this coroutine first runs.
asio::awaitable<void> drain(asio::awaitable<node::link::LinkError> run) {
    co_await std::move(run);
}

// Two connected ends of one link.
class Pair {
 public:
    Pair()
        : tasks_{io_.get_executor(), [](const std::string&, const std::string&) {}},
          listener_{
              io_.get_executor(),
              tcp::endpoint{asio::ip::address_v4::loopback(), 0},
              answering_identity_,
              hello(cell::LinkRole::relay),
              {},
              [this](std::unique_ptr<node::link::Link> link) { answering = std::move(link); }} {
        tasks_.spawn("listener", listener_.run());
        connect();
    }
    ~Pair() {
        listener_.stop();
        dialing.reset();
        answering.reset();
        tasks_.cancel();
        while (tasks_.running() > 0)
            turn();
    }

    /// Replaces the link by a new one.
    void connect() {
        dialing.reset();
        answering.reset();
        tasks_.spawn("dial", dial(this));
        while (!dialing || !answering)
            turn();
        tasks_.spawn("dialing", drain(dialing->run(at_dialing)));
        tasks_.spawn("answering", drain(answering->run(at_answering)));
    }

    void turn() {
        io_.restart();
        io_.run_one();
    }

 private:
    static asio::awaitable<void> dial(Pair* pair) {
        auto dialed = co_await node::link::dial(pair->listener_.address(), pair->dialing_identity_,
                                                pair->answering_identity_.key(),
                                                hello(cell::LinkRole::client), {});
        if (!dialed) throw std::runtime_error{node::link::to_string(dialed.error())};
        pair->dialing = std::move(*dialed);
    }

    asio::io_context io_{1};
    node::link::TlsIdentity answering_identity_{seed(1)};
    node::link::TlsIdentity dialing_identity_{seed(2)};
    node::process::TaskGroup tasks_;
    node::link::Listener listener_;

 public:
    Counter at_dialing;
    Counter at_answering;
    std::unique_ptr<node::link::Link> dialing;
    std::unique_ptr<node::link::Link> answering;
};

void cells_through_a_link(benchmark::State& state) {
    Pair pair;
    const auto due = static_cast<std::size_t>(state.range(0));
    std::size_t sent = 0;
    for (auto _ : state) {
        for (std::size_t i = 0; i < due; ++i)
            pair.dialing->send(std::make_unique<cell::Cell>());
        sent += due;
        while (pair.at_answering.cells < sent)
            pair.turn();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(sent));
    state.counters["cpu_per_cell"] = benchmark::Counter(
        static_cast<double>(sent), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(cells_through_a_link)->Arg(1)->Arg(4)->Arg(16)->Arg(256);

void handshakes(benchmark::State& state) {
    Pair pair;
    for (auto _ : state)
        pair.connect();
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(handshakes)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();

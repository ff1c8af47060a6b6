// How a dialer keeps a link: again and again, at a new address, and at several in turn.
#include <doctest/doctest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <functional>
#include <utility>
#include <vector>

#include "sphinx/node/link/dialer.hpp"
#include "sphinx/node/link/segments.hpp"
#include "tests/system/link_pair.hpp"

namespace nightjar::tests {

using node::link::LinkError;

namespace {

struct NoticingOwner : node::link::Dialer::Owner {
    void on_cell(node::link::Link&, cell::CellBox) override { ++cells; }
    void on_up(node::link::Link&) override { ++ups; }
    void on_down(LinkError why) override { downs.push_back(why); }
    void on_refused(LinkError why) override { refusals.push_back(why); }

    std::size_t cells = 0;
    std::size_t ups = 0;
    std::vector<LinkError> downs;
    std::vector<LinkError> refusals;
};

/// Where no relay listens.
const tcp::endpoint closed_port{asio::ip::make_address("127.0.0.1"), 1};

/// A dialer that tries again after 10 to 40 ms.
struct Dialing {
    LinkPair pair;
    base::SeededRandom random{1};
    NoticingOwner owner;
    node::link::LinkLimits limits{};

    node::link::Dialer to(const node::link::DialTarget& target) {
        return {pair.io.get_executor(),
                target,
                pair.dialing.identity,
                hello(cell::LinkRole::relay),
                limits,
                random,
                owner,
                {base::Milliseconds{10}, base::Milliseconds{40}}};
    }
};

/// The most bytes of a TCP segment that the peer of this connection takes.
int segment_of(int socket) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    REQUIRE(::getsockopt(socket, IPPROTO_TCP, TCP_MAXSEG, &bytes, &size) == 0);
    return bytes;
}

/// The same for the connection that a listener of this process has taken.
int segment_at(const tcp::endpoint& listener) {
    for (int socket = 3; socket < 1024; ++socket) {
        tcp::endpoint own, peer;
        socklen_t own_size = own.capacity(), peer_size = peer.capacity();
        if (::getsockname(socket, own.data(), &own_size) == 0 && own == listener &&
            ::getpeername(socket, peer.data(), &peer_size) == 0)
            return segment_of(socket);
    }
    FAIL("no connection");
    return 0;
}

/// A dialer's task, which ends before the dialer goes.
struct Running {
    Running(LinkPair& of, node::link::Dialer& dialer) : pair{of} {
        tasks.spawn("dialer", dialer.run());
    }
    ~Running() { end(); }
    void end() {
        tasks.cancel();
        CHECK(pair.until([this] { return tasks.running() == 0; }));
    }

    LinkPair& pair;
    node::process::TaskGroup tasks{pair.io.get_executor(),
                                   [](const auto&, const auto&) { CHECK(false); }};
};

}  // namespace

TEST_CASE("a dialer restores its link each time, and stops when it is told to") {
    Dialing dialing;
    auto& [pair, random, owner, limits] = dialing;
    auto dialer = dialing.to({{pair.address()}, pair.answering.identity.key()});
    pair.tasks.spawn("dialer", dialer.run());
    for (std::size_t i = 1; i <= 5; ++i) {
        REQUIRE(pair.until([&] { return owner.ups == i && pair.answering.link; }));
        CHECK(dialer.link() != nullptr);
        CHECK(dialer.link()->send(boxed(numbered(1))));
        REQUIRE(pair.until([&] { return pair.answering.got.cells.size() == i; }));
        pair.answering.link.reset();
        REQUIRE(pair.until([&] { return owner.downs.size() == i; }));
        CHECK(owner.downs.back() == LinkError::closed);
    }
    dialer.stop();
    REQUIRE(pair.until([&] { return pair.tasks.running() <= 2; }));
    CHECK(dialer.link() == nullptr);
    CHECK(owner.refusals.empty());
    const std::size_t ups = owner.ups;
    pair.run_for(base::Milliseconds{150});
    CHECK(owner.ups == ups);
}

TEST_CASE("a dialer that is given another address finds its relay there, and keeps its link") {
    Dialing dialing;
    auto& [pair, random, owner, limits] = dialing;
    const node::link::DialTarget nowhere{{closed_port}, node::link::TlsIdentity{seed(9)}.key()};
    auto dialer = dialing.to(nowhere);
    pair.tasks.spawn("dialer", dialer.run());
    REQUIRE(pair.until([&] { return owner.refusals.size() >= 2; }));
    dialer.use({{pair.address()}, pair.answering.identity.key()});
    REQUIRE(pair.until([&] { return owner.ups == 1; }));
    dialer.use(nowhere);
    CHECK(dialer.link()->send(boxed(numbered(1))));
    REQUIRE(pair.until([&] { return pair.answering.got.cells.size() == 1; }));
    CHECK(owner.downs.empty());
    dialer.stop();
    REQUIRE(pair.until([&] { return owner.downs.size() == 1; }));
}

TEST_CASE("a dialer tries its addresses in turn, ever more slowly, and ends when cancelled") {
    Dialing dialing;
    auto& [pair, random, owner, limits] = dialing;
    auto dialer = dialing.to({{closed_port, pair.address()}, pair.answering.identity.key()});
    node::process::TaskGroup own{pair.io.get_executor(),
                                 [](const auto&, const auto&) { CHECK(false); }};
    own.spawn("dialer", dialer.run());
    REQUIRE(pair.until([&] { return owner.ups == 1; }));
    CHECK(owner.refusals == std::vector<LinkError>{LinkError::unreachable});
    own.cancel();
    REQUIRE(pair.until([&] { return own.running() == 0; }));
    CHECK(owner.downs.size() == 1);
    CHECK(dialer.link() == nullptr);
}

TEST_CASE("a dialer asks for small segments after an end that a path without large packets makes") {
    Dialing dialing;
    auto& [pair, random, owner, limits] = dialing;
    limits.handshake = base::Milliseconds{60};
    tcp::acceptor silent{pair.io, {asio::ip::make_address("127.0.0.1"), 0}};
    // A handshake that does not end: each time the other size.
    auto dialer = dialing.to({{silent.local_endpoint()}, pair.answering.identity.key()});
    Running running{pair, dialer};
    std::vector<bool> is_small;
    std::vector<tcp::socket> taken;
    const std::function<void()> accept = [&] {
        silent.async_accept([&](const auto& error, tcp::socket socket) {
            if (error) return;
            is_small.push_back(segment_of(socket.native_handle()) <= node::link::small_segment);
            taken.push_back(std::move(socket));
            if (taken.size() < 4) accept();
        });
    };
    accept();
    REQUIRE(pair.until([&] { return owner.refusals.size() >= 4 && taken.size() == 4; }));
    running.end();
    CHECK(owner.refusals.front() == LinkError::timed_out);
    CHECK(is_small == std::vector<bool>{false, true, false, true});
}

TEST_CASE("a dialer asks for small segments at each address by itself") {
    Dialing dialing;
    auto& [pair, random, owner, limits] = dialing;
    limits.handshake = base::Milliseconds{60};
    // Two addresses in turn, and no handshake ends: each must see both sizes.
    std::vector<tcp::acceptor> silent;
    std::vector<std::vector<bool>> is_small(2);
    std::vector<tcp::socket> taken;
    for (int i = 0; i < 2; ++i)
        silent.emplace_back(pair.io, tcp::endpoint{asio::ip::make_address("127.0.0.1"), 0});
    const std::function<void(std::size_t)> accept = [&](std::size_t at) {
        silent[at].async_accept([&, at](const auto& error, tcp::socket socket) {
            if (error) return;
            is_small[at].push_back(segment_of(socket.native_handle()) <= node::link::small_segment);
            taken.push_back(std::move(socket));
            if (is_small[at].size() < 2) accept(at);
        });
    };
    accept(0);
    accept(1);
    auto dialer = dialing.to(
        {{silent[0].local_endpoint(), silent[1].local_endpoint()}, pair.answering.identity.key()});
    Running running{pair, dialer};
    REQUIRE(pair.until([&] { return taken.size() == 4; }));
    running.end();
    for (const auto& sizes : is_small)
        CHECK(sizes == std::vector<bool>{false, true});
}

TEST_CASE("a dialer changes its segments after a link that ended soon") {
    Dialing dialing;
    auto& [pair, random, owner, limits] = dialing;
    auto dialer = dialing.to({{pair.address()}, pair.answering.identity.key()});
    Running running{pair, dialer};
    std::vector<bool> is_small;
    for (std::size_t i = 1; i <= 3; ++i) {
        REQUIRE(pair.until([&] { return owner.ups == i && pair.answering.link; }));
        is_small.push_back(segment_at(pair.address()) <= node::link::small_segment);
        pair.answering.link.reset();
        REQUIRE(pair.until([&] { return owner.downs.size() == i; }));
    }
    running.end();
    CHECK(is_small == std::vector<bool>{false, true, false});
}

}  // namespace nightjar::tests

// Streams above what a session may have open: they wait, in the order in which they came.
#include <doctest/doctest.h>

#include "client/core/core.hpp"
#include "tests/unit/client_network.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    Fixture() {
        core.connected(now, wall());
        core.prepare(now, wall());
    }
    StreamRef open(const IsolationKey& key = "") {
        const auto opened = core.open(key, {"example.org", 80});
        REQUIRE(opened);
        return *opened;
    }
    base::Wall wall() const {
        return network.wall + std::chrono::floor<base::Milliseconds>(now - network.now);
    }
    /// Lets time pass. No exit answers, but the client's loops return.
    void run(base::Nanoseconds duration) {
        for (const auto end = now + duration; now < end; now += 5ms) {
            for (const auto& packet : core.tick(now)) {
                if (packet.session != loops_handle) continue;
                const auto walked =
                    network.walk(network.gateway_ids[0], packet.cell->body(), packet.cell->epoch());
                core.on_delivery(network.delivery(walked), now);
            }
            core.prepare(now, wall());
        }
    }
    std::size_t started(std::size_t session = 0) const {
        return core.status(now).sessions.at(session).streams;
    }
    std::size_t waiting() const { return core.status(now).waiting; }

    client_test::Network network;
    base::Mono now = network.now;
    Core core{network.document, network.random.id<base::MailboxId>(), network.gateway_ids[0],
              network.random, now};
};

}  // namespace

TEST_CASE("a session has as many streams as both ends know, and further ones wait") {
    Fixture f;
    for (std::size_t i = 0; i < stream::session_streams_max; ++i)
        CHECK(f.core.writable(f.open()) > 0);
    CHECK(f.started() == 128);
    const auto late = f.open();
    CHECK(f.started() == 128);
    CHECK(f.waiting() == 1);
    CHECK(f.core.writable(late) == 0);
    CHECK(f.core.write(late, base::as_bytes("x")) == 0);
    CHECK(f.core.readable(late) == 0);
    // Another session has places of its own.
    CHECK(f.core.writable(f.open("key")) > 0);
    CHECK(f.waiting() == 1);
    CHECK_FALSE(f.core.open("", {"", 80}));
    f.core.reset(late);
    CHECK(f.waiting() == 0);
    CHECK(f.core.take_events().empty());
}

TEST_CASE("streams that wait are bounded") {
    Fixture f;
    for (int i = 0; i < 128 + 511; ++i)
        f.open();
    CHECK_FALSE(f.core.full());
    const auto last = f.open();
    CHECK(f.core.full());
    CHECK_FALSE(f.core.open("", {"example.org", 80}));
    f.core.reset(last);
    CHECK_FALSE(f.core.full());
    CHECK(f.core.open("", {"example.org", 80}));
}

TEST_CASE("streams that wait get the places of the session after a dead one, oldest first") {
    Fixture f;
    for (std::size_t i = 0; i < stream::session_streams_max; ++i)
        f.open();
    std::vector<StreamRef> late;
    for (int i = 0; i < 130; ++i)
        late.push_back(f.open());
    f.core.finish(late[0]);
    // The exit never answers, so the session dies, and another one takes its place.
    f.run(14s);
    CHECK(f.waiting() == 2);
    for (std::size_t i = 1; i < late.size(); ++i)
        CHECK((f.core.writable(late[i]) > 0) == (i < 128));
    CHECK(f.core.writable(late[0]) == 0);  // it was finished while it waited
    std::size_t announced = 0;
    for (const auto& event : f.core.take_events()) {
        if (event.event.kind != stream::Event::Kind::writable) continue;
        CHECK(event.stream == late[announced]);
        ++announced;
    }
    CHECK(announced == 128);
}

TEST_CASE("a stream does not start in a session that is dead, but in the next one") {
    Fixture f;
    f.run(8s);
    std::vector<StreamRef> waited;
    for (int i = 0; i < 60; ++i) {  // the session dies; the plan decides up to 2 s later
        const auto stream = f.open();
        if (f.core.waits(stream)) waited.push_back(stream);
        f.run(100ms);
    }
    CHECK_FALSE(waited.empty());
    CHECK(f.waiting() == 0);
    for (const auto stream : waited)
        CHECK(f.core.writable(stream) > 0);
}

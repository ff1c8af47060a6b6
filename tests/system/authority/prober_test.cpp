// What an authority finds out about relays, over real links on loopback.
#include "relay/authority/prober.hpp"

#include <doctest/doctest.h>

#include "tests/support/networks.hpp"
#include "tests/system/link_pair.hpp"
#include "tests/system/relay_links.hpp"

using namespace nightjar;
using namespace nightjar::tests;
using relay::authority::Prober;
using relay::authority::core::Reachability;

namespace {

constexpr base::Seconds hour{3600};
const base::Wall begin{base::Seconds{1'800'000'000}};

directory::Endpoint endpoint(const tcp::endpoint& at) {
    return {at.address().to_string(), at.port()};
}

/// A relay that answers, and an authority whose clock says that all tries are due.
struct Site {
    LinkPair relay;
    base::SeededRandom random{1};
    directory::Document document;
    Reachability reach{hour};
    std::optional<Prober> prober;
    asio::ip::tcp::socket closed{relay.io};  // bound, and does not listen: it refuses

    Site() {
        closed.open(tcp::v4());
        closed.bind({asio::ip::address_v4::loopback(), 0});
    }
    directory::Relay& add(const tcp::endpoint& at) {
        auto one = test::random_relay(random, 1);
        one.addresses = {endpoint(at)};
        one.link_key = relay.answering.identity.key();
        document.relays.push_back(one);
        return document.relays.back();
    }
    void start(bool lab = true, std::uint8_t network = 7) {
        auto sorted = document;
        directory::sort(sorted);
        reach.list(sorted, {}, begin, random);
        prober.emplace(reach, Prober::Options{hello(cell::LinkRole::client, network).network, lab,
                                              [] { return begin + hour; }, patient_limits()});
        prober->start(relay.tasks);
    }
    std::optional<bool> last(std::size_t i) const {
        return reach.last_try(document.relays[i].identity);
    }
    bool all_tried() {
        return relay.until([this] {
            for (std::size_t i = 0; i < document.relays.size(); ++i)
                if (!last(i)) return false;
            return true;
        });
    }
};

}  // namespace

TEST_CASE("prober: a relay is reached if an address of it answers with its key") {
    Site site;
    site.add(site.relay.address());
    site.add(site.closed.local_endpoint());
    site.add(site.closed.local_endpoint()).addresses.push_back(endpoint(site.relay.address()));
    site.add(site.relay.address()).link_key.bytes.fill(9);
    site.start();
    REQUIRE(site.all_tried());
    CHECK(site.last(0) == true);
    CHECK(site.last(1) == false);
    CHECK(site.last(2) == true);
    CHECK(site.last(3) == false);  // another relay's key is there
}

TEST_CASE("prober: a relay of another network is not reached") {
    Site site;
    site.add(site.relay.address());
    site.start(true, 8);
    REQUIRE(site.all_tried());
    CHECK(site.last(0) == false);
}

TEST_CASE("prober: outside a laboratory it dials no address that is not public") {
    Site site;
    site.add(site.relay.address());
    site.start(false);
    // What does not dial waits for nothing, so it is through at once.
    site.relay.io.poll();
    CHECK_FALSE(site.reach.take_due(begin + hour, site.random));
    CHECK_FALSE(site.last(0));
}

TEST_CASE("prober: a try takes no client's place at a gateway") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    directory::Document document;
    document.relays = {*gateway.document->find(gateway.id("gateway-0"))};
    document.relays.front().addresses = {endpoint(gateway.address)};
    base::SeededRandom random{1};
    Reachability reach{hour};
    reach.list(document, {}, begin, random);
    Prober prober{reach,
                  {hello(cell::LinkRole::relay).network, true, [] { return begin + hour; },
                   patient_limits()}};
    prober.start(loop.tasks);
    const auto last = [&] { return reach.last_try(gateway.id("gateway-0")); };
    REQUIRE(loop.until([&] { return last().has_value(); }));
    CHECK(last() == true);
    REQUIRE(loop.until([&] { return gateway.links->handshakes().made == 1; }));
    CHECK(gateway.clients_come == 0);
}

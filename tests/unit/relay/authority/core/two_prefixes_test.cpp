// An open relay that tells some authorities one prefix, and the others another one.
#include <doctest/doctest.h>

#include "relay/authority/core/offers.hpp"
#include "tests/support/authorities.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using test::Authorities;

namespace {

constexpr std::size_t admitted = 8;

struct Strangers {
    Authorities network{4, 6, 2, {1, 4}};

    /// In 198.51.IN.0/24.
    void join(int in) { move(network.join(1), in); }
    static void move(test::TestRelay& relay, int in) {
        relay.relay.addresses = {{"198.51." + std::to_string(in) + ".1", 9001}};
    }
    /// Of the next epoch, which this relay sends to these two authorities.
    void tell(std::size_t relay, int in, std::size_t one, std::size_t other) {
        auto& its = network.relays[relay];
        move(its, in);
        const auto next = network.epoch().next();
        const auto text =
            network.keys_of(relay, next).describe(its.relay, next, network.moment().wall);
        for (const auto authority : {one, other}) {
            const auto taken = network.drivers[authority]->offer_descriptor(text, network.moment());
            REQUIRE(taken.fresh);
        }
    }
};

}  // namespace

TEST_CASE("open places: relays that name two prefixes delay no agreement") {
    Strangers strangers;
    auto& network = strangers.network;
    // The first is the oldest, and alone in its prefix.
    strangers.join(1);
    network.run_epochs(2);
    strangers.join(2);
    strangers.join(3);
    network.run_epochs(2);
    for (const auto relay : {admitted + 1, admitted + 2})
        network.relays[relay].up = false;
    const auto into = network.moment().wall.time_since_epoch() % Authorities::epoch_length;
    network.run(Authorities::epoch_length - std::chrono::floor<base::Seconds>(into));
    // As the epoch begins. Each of the two has its own place by what two authorities hear, and by
    // what the others hear none beside the first. So each two insist on what the others leave out.
    strangers.tell(admitted + 1, 1, 0, 1);
    strangers.tell(admitted + 1, 2, 2, 3);
    strangers.tell(admitted + 2, 3, 0, 1);
    strangers.tell(admitted + 2, 1, 2, 3);
    const auto next = network.epoch().next();
    const auto times = test::core::DriverTimes::of(Authorities::epoch_length);
    const auto begin = directory::epoch_start(next, Authorities::epoch_length) - times.begin;
    while (!network.documents[0].contains(next) && network.epoch() < next)
        network.second();
    REQUIRE(network.documents[0].contains(next));
    CHECK(network.moment().wall < begin + times.relent);
}

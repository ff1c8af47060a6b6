#include "sphinx/directory/dialled.hpp"

#include <doctest/doctest.h>

using namespace nightjar::directory;

TEST_CASE("dialled addresses: a relay on the internet names no private network") {
    Relay relay;
    // The router, a proxy on this machine, its host's facts, a neighbour on the link.
    relay.addresses = {{"192.168.1.1", 80},  {"8.8.8.8", 443}, {"127.0.0.1", 9150},
                       {"169.254.1.1", 80},  {"fe80::1", 443}, {"::ffff:10.0.0.1", 80},
                       {"2a00:1450::1", 443}};
    CHECK(dialled_addresses(relay) ==
          std::vector<Endpoint>{{"8.8.8.8", 443}, {"2a00:1450::1", 443}});
    relay.addresses = {{"127.0.0.2", 9001}, {"10.0.0.1", 9001}};  // a laboratory
    CHECK(dialled_addresses(relay) == relay.addresses);
}

#include "sphinx/node/process/host_addresses.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::node::process;

// Addresses are names that no name server is asked for.
TEST_CASE("host addresses: what was found is remembered, and a process with keys asks no more") {
    const std::vector found{*base::IpAddress::parse("192.0.2.1")};
    CHECK(host_addresses("192.0.2.1").value() == found);
    ask_for_no_other_host();
    CHECK(host_addresses("192.0.2.1").value() == found);
    const auto other = host_addresses("192.0.2.2");
    REQUIRE(!other);
    CHECK(other.error() == "names are looked up at the start alone: start again");
}

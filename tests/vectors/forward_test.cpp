#include <doctest/doctest.h>

#include "tests/vectors/steps.hpp"
#include "tests/vectors/vectors.hpp"

using namespace nightjar;
using namespace nightjar::vectors;

TEST_CASE("forward vectors: built byte for byte") {
    for (const auto& vector : cases_and_own("forward.json", "cases", "forward")) {
        CAPTURE(vector.at("name").get<std::string>());
        const auto hops = route(vector);
        REQUIRE(hops);
        const auto built =
            packet::build(static_cast<packet::Version>(vector.at("version").get<std::uint16_t>()),
                          *hops, id<base::Destination>(vector, "destination"),
                          id<base::SurbId>(vector, "identifier"), hex(vector, "message"),
                          vector.at("payload_size").get<std::size_t>(), randomness(vector));
        REQUIRE(built);
        CHECK(*built == hex(vector, "packet"));
    }
}

TEST_CASE("forward vectors: unwrapped hop by hop") {
    for (const auto& vector : cases_and_own("forward.json", "cases", "forward")) {
        CAPTURE(vector.at("name").get<std::string>());
        const auto payload = check_steps(vector, hex(vector, "packet"));
        const auto message = packet::read_message(payload);
        REQUIRE(message);
        CHECK(base::Bytes(message->begin(), message->end()) == hex(vector, "message"));
    }
}

#include "sphinx/packet/surb.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/vectors/recovery.hpp"
#include "tests/vectors/steps.hpp"

using namespace nightjar;
using namespace nightjar::vectors;

namespace {
bool is_260(const Json& vector) {
    return vector.at("version") == 260;
}
}  // namespace

TEST_CASE("SURB vectors: made byte for byte, with what the owner keeps") {
    for (const auto& vector : cases_and_own("surb.json", "cases", "surb")) {
        CAPTURE(vector.at("name").get<std::string>());
        if (!is_260(vector)) continue;  // we make only SURBs of version 260
        const auto hops = route(vector);
        REQUIRE(hops);
        const auto made =
            packet::make_surb(*hops, id<base::Destination>(vector, "destination"),
                              id<base::SurbId>(vector, "identifier"), randomness(vector));
        REQUIRE(made);
        CHECK(base::to_hex(made->surb) == vector.at("surb").get<std::string>());
        const auto seeds =
            made->recovery.seeds.view().first(made->recovery.hops * packet::key_size);
        CHECK(base::to_hex(made->recovery.identifier.bytes) + base::to_hex(seeds) ==
              vector.at("recovery").get<std::string>());
    }
}

TEST_CASE("SURB vectors: used, carried and read") {
    for (const auto& vector : cases_and_own("surb.json", "cases", "surb")) {
        CAPTURE(vector.at("name").get<std::string>());
        const auto payload_size = vector.at("payload_size").get<std::size_t>();
        const auto reply =
            packet::use_surb(hex(vector, "surb"), hex(vector, "message"), payload_size);
        const auto payload = check_steps(vector, hex(vector, "packet"));
        if (is_260(vector)) {
            REQUIRE(reply);
            CHECK(reply->first_hop == id<base::NodeId>(vector, "first_hop"));
            CHECK(reply->packet == hex(vector, "packet"));
            const auto message = packet::recover(recovery(vector), payload);
            REQUIRE(message);
            CHECK(*message == hex(vector, "message"));
        } else {
            // Version 259 gives the replier every hop's seed. We neither make nor use such SURBs,
            // but we relay their replies.
            REQUIRE_FALSE(reply);
            CHECK(reply.error() == packet::Error::bad_length);
            const auto message = packet::read_message(payload);
            REQUIRE(message);
            CHECK(base::Bytes(message->begin(), message->end()) == hex(vector, "message"));
        }
    }
}

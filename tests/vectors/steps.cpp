#include "tests/vectors/steps.hpp"

#include <doctest/doctest.h>

namespace nightjar::vectors {

namespace {

void check_forward(const Json& step, const packet::Forward& forward, const base::Bytes& packet) {
    CHECK(step.at("flag") == 1);
    CHECK(forward.next == id<base::NodeId>(step, "next_address"));
    CHECK(forward.delay_ns == step.at("delay_ns").get<std::uint64_t>());
    CHECK(packet == hex(step, "next_packet"));
}

void check_final(const Json& step, const packet::Final& last, const base::Bytes& packet) {
    CHECK(step.at("flag") == 2);
    CHECK(last.destination == id<base::Destination>(step, "destination"));
    CHECK(last.identifier == id<base::SurbId>(step, "identifier"));
    CHECK(base::Bytes(packet.begin(), packet.begin() + packet::header_size) ==
          base::Bytes(packet::header_size, 0));
}

}  // namespace

base::Bytes check_steps(const Json& vector, base::Bytes packet) {
    const auto& nodes = vector.at("nodes");
    const auto& steps = vector.at("steps");
    REQUIRE(steps.size() == nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        CAPTURE(i);
        const auto key = secret<packet::SecretKey>(nodes[i], "secret");
        const auto alpha =
            packet::PublicKey::from(base::ByteView{packet}.first(packet::alpha_size));
        const auto shared = packet::agree(key, *alpha);
        REQUIRE(shared);
        CHECK(base::to_hex(shared->view()) == steps[i].at("shared_secret").get<std::string>());

        const auto opened = packet::unwrap(packet, key, packet.size());
        REQUIRE(opened);
        CHECK(opened->replay_tag == id<packet::ReplayTag>(steps[i], "replay_tag"));
        const bool is_last = i + 1 == nodes.size();
        REQUIRE(std::holds_alternative<packet::Final>(opened->what) == is_last);
        if (is_last)
            check_final(steps[i], std::get<packet::Final>(opened->what), packet);
        else
            check_forward(steps[i], std::get<packet::Forward>(opened->what), packet);
    }
    const base::Bytes payload(packet.begin() + packet::header_size, packet.end());
    CHECK(payload == hex(steps.back(), "payload"));
    return payload;
}

}  // namespace nightjar::vectors

#include <doctest/doctest.h>

#include <algorithm>

#include "sphinx/packet/surb.hpp"
#include "tests/vectors/recovery.hpp"
#include "tests/vectors/vectors.hpp"

using namespace nightjar;
using namespace nightjar::vectors;

namespace {

template <class T>
std::string outcome(const base::Result<T, packet::Error>& result) {
    return result ? "ok" : packet::to_string(result.error());
}

bool is_expected(const Json& vector, const std::string& word) {
    return word == vector.at("expect").get<std::string>() ||
           (vector.contains("or") && word == vector.at("or").get<std::string>());
}

struct Walk {
    std::string outcome;  // of the hop where the packet ended, or of reading the message
    std::size_t hop = 0;
    std::vector<packet::ReplayTag> tags;
    base::Bytes message;
};

Walk walk(const Json& vector, base::Bytes packet) {
    Walk done;
    const auto packet_size = packet::header_size + vector.at("payload_size").get<std::size_t>();
    for (const auto& node : vector.at("nodes")) {
        const auto opened =
            packet::unwrap(packet, secret<packet::SecretKey>(node, "secret"), packet_size);
        done.outcome = outcome(opened);
        if (!opened) {
            CHECK(std::all_of(packet.begin(), packet.end(), [](auto byte) { return byte == 0; }));
            return done;
        }
        done.tags.push_back(opened->replay_tag);
        if (std::holds_alternative<packet::Final>(opened->what)) {
            const auto message =
                packet::read_message(base::ByteView{packet}.subspan(packet::header_size));
            done.outcome = outcome(message);
            if (message) done.message.assign(message->begin(), message->end());
            return done;
        }
        ++done.hop;
    }
    done.outcome = "still on its way";
    return done;
}

}  // namespace

TEST_CASE("malformed vectors: packets stop where and why they should") {
    for (const auto& vector : cases("malformed.json", "packets")) {
        CAPTURE(vector.at("name").get<std::string>());
        const auto done = walk(vector, hex(vector, "packet"));
        CAPTURE(done.outcome);
        CHECK(is_expected(vector, done.outcome));
        if (vector.at("expect") != "ok") {
            CHECK(done.hop == vector.at("hop").get<std::size_t>());
        } else if (done.outcome == "ok") {
            CHECK(done.message == hex(vector, "message"));
            const auto tags = vector.at("replay_tags").get<std::vector<std::string>>();
            REQUIRE(done.tags.size() == tags.size());
            for (std::size_t i = 0; i < tags.size(); ++i)
                CHECK(base::to_hex(done.tags[i].bytes) == tags[i]);
        }
    }
}

TEST_CASE("malformed vectors: SURBs") {
    for (const auto& vector : cases("malformed.json", "surbs")) {
        CAPTURE(vector.at("name").get<std::string>());
        const auto reply = packet::use_surb(hex(vector, "surb"), hex(vector, "message"),
                                            vector.at("payload_size").get<std::size_t>());
        CHECK(outcome(reply) == vector.at("expect").get<std::string>());
    }
}

TEST_CASE("malformed vectors: replies") {
    for (const auto& vector : cases("malformed.json", "replies")) {
        CAPTURE(vector.at("name").get<std::string>());
        const auto message = packet::recover(recovery(vector), hex(vector, "payload"));
        CHECK(outcome(message) == vector.at("expect").get<std::string>());
        if (message) CHECK(*message == hex(vector, "message"));
    }
}

TEST_CASE("malformed vectors: builds") {
    for (const auto& vector : cases("malformed.json", "builds")) {
        CAPTURE(vector.at("name").get<std::string>());
        const auto hops = route(vector);
        auto word = outcome(hops);
        if (hops) {
            const auto destination = id<base::Destination>(vector, "destination");
            const auto identifier = id<base::SurbId>(vector, "identifier");
            word =
                vector.at("kind") == "surb"
                    ? outcome(packet::make_surb(*hops, destination, identifier, randomness(vector)))
                    : outcome(packet::build(
                          static_cast<packet::Version>(vector.at("version").get<int>()), *hops,
                          destination, identifier, hex(vector, "message"),
                          vector.at("payload_size").get<std::size_t>(), randomness(vector)));
        }
        CHECK(is_expected(vector, word));
    }
}

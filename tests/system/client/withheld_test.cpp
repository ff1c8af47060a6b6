// A gateway that keeps the network document from its clients.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "sphinx/node/process/control_socket.hpp"
#include "tests/system/played_gateway.hpp"

using namespace nightjar;
using namespace tests;

namespace {

/// A network of two gateways. Its document is valid since `age`, for `left` more. By default the
/// first moment at which a client asks the other gateway comes in 21 s, and two more follow.
struct Withheld : Network {
    explicit Withheld(base::Seconds age = base::Seconds{39},
                      base::Seconds left = base::Seconds{57}) {
        auto& document = network.document;
        const auto now = std::chrono::floor<base::Seconds>(node::process::wall_now());
        document.valid_from = now - age;
        document.valid_until = now + left;
        auto& other = test::named(document, "gateway-2");
        other.addresses = {endpoint(new_place)};
        other.link_key = key_of_seed(2);
        document.signatures.clear();
        directory::sign(document, network.authorities.front());
    }
    bool expired() const { return node::process::wall_now() > network.document.valid_until; }
};

/// What the client answers to `status`; an empty object if it does not answer.
nlohmann::json status_of(const Network& network) {
    const auto line = node::process::ask(network.folder.path() / "0.sock",
                                         R"({"jsonrpc":"2.0","id":1,"method":"status"})",
                                         base::Milliseconds{5'000});
    return line ? nlohmann::json::parse(*line)["result"] : nlohmann::json::object();
}

}  // namespace

TEST_CASE("client: a document that its gateway withholds comes from another one, and it goes on") {
    Withheld network;
    network.start_clients(1);  // before the ports are open, which a child would keep
    Loop loop;
    Gateway own{loop, network, network.old_place, 1};
    Gateway other{loop, network, network.new_place, 2};
    const auto text = network.next(
        [](directory::Document& document) { document.valid_until += base::Seconds{3600}; });
    other.give(network, text);
    const auto kept = [&] { return network.state(0).document_text() == text; };
    REQUIRE(loop.until([&] { return kept() || network.expired(); }, patience));
    REQUIRE(kept());
    REQUIRE(!other.came.empty());
    CHECK(other.requests == 1);  // its link carries nothing else
    CHECK(loop.until([&] { return other.up() == 0; }, patience));
    REQUIRE(!own.came.empty());
    // By a key of its own; and the client has not begun again, which would change its key too.
    const auto key = own.came.front()->link->peer_key();
    CHECK(other.came.front()->link->peer_key() != key);
    const auto says_so = [&] {
        const auto status = status_of(network);
        return status.contains("document_withheld") && status["document_withheld"] == true;
    };
    CHECK(loop.until(says_so, base::Seconds{40}));
    for (const auto& each : own.came)
        CHECK(each->link->peer_key() == key);
    CHECK(!network.processes.front()->ended());
}

TEST_CASE("client: one that starts at a moment for another gateway asks its own first") {
    // The first moment was a second ago, and would count for nine more. The next is in 39 s.
    Withheld network{base::Seconds{201}, base::Seconds{119}};
    network.start_clients(1);
    Loop loop;
    Gateway own{loop, network, network.old_place, 1};
    Gateway other{loop, network, network.new_place, 2};
    REQUIRE(loop.until([&] { return own.requests > 0 || !other.came.empty(); }, patience));
    CHECK(other.came.empty());
}

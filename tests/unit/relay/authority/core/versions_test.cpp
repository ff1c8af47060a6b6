// Programs of versions N and N+1 in one network: what a later version says in optional lines
// (docs/directory.md, "Optional lines").
#include <doctest/doctest.h>

#include "sphinx/directory/quorum.hpp"
#include "tests/support/authorities.hpp"

using namespace nightjar;
using directory::OptionalLines;
using relay::authority::core::first_difference;
using test::Authorities;

namespace {

const OptionalLines later{{"later-key", "0123abcd"}, {"version", "99.0.0"}};

/// The first `signers` authorities signed one document of the epoch that is now, as clients and
/// relays want it.
const directory::Document& agreed(const Authorities& network, std::size_t signers = 4) {
    const auto& document = network.documents[0].at(network.epoch());
    CHECK(directory::check(document, {"test", network.made.council.authorities, {}},
                           document.valid_from, {}));
    CHECK(document.relays.size() == 8);
    for (std::size_t i = 0; i < signers; ++i) {
        const auto found = network.documents[i].find(network.epoch());
        REQUIRE(found != network.documents[i].end());
        CHECK(directory::signed_text(found->second) == directory::signed_text(document));
    }
    CHECK(document.signatures.size() >= network.made.council.quorum);
    CHECK(document.signatures.size() <= signers);
    return document;
}

}  // namespace

TEST_CASE("driver: what a relay of a later version says is in the document that all four sign") {
    Authorities network{4};
    network.relays[0].relay.optional = later;
    network.run_epochs(3);
    const auto& document = agreed(network);
    for (const auto& relay : document.relays) {
        const bool newer = relay.identity == network.relays[0].relay.identity;
        CHECK(relay.optional == (newer ? later : OptionalLines{}));
    }
    // It is updated while the network runs, and another one goes back to an older version.
    network.relays[0].relay.optional.clear();
    network.relays[1].relay.optional = {{"version", "one that is no version"}};
    network.run_epochs(2);
    const auto& next = agreed(network);
    CHECK(next.find(network.relays[0].relay.identity)->optional.empty());
    CHECK(next.find(network.relays[1].relay.identity)->optional ==
          network.relays[1].relay.optional);
}

TEST_CASE("driver: optional lines of the document are those that all authorities configured") {
    Authorities network{4};
    network.terms.optional = {{"notice", "read the changelog"}};
    network.run_epochs(2);
    CHECK(agreed(network).optional == network.terms.optional);
}

TEST_CASE("document signatures: the first line in which two texts differ is named, not quoted") {
    const std::string text = "network test\nparameter.lab 0\nrelay.address 192.0.2.1:9001\n";
    const auto name = [&](std::string_view other) { return first_difference(text, other); };
    CHECK(name(text).empty());
    CHECK(name("network test\nparameter.lab 1\nrelay.address 192.0.2.1:9001\n") == "parameter.lab");
    CHECK(name("network test\nparameter.lab 0\nrelay.address 192.0.2.2:9001\n") == "relay.address");
    CHECK(name("networks test\n") == "network");
    CHECK(name("") == "network");
    CHECK(name("network test\noptional.later 1\nparameter.lab 0\n") == "parameter.lab");
    CHECK(name("network test\n") == "parameter.lab");
    CHECK(name(text + "relay.layer 1\n") == "the end");
}

TEST_CASE("driver: an authority that adds an optional line of its own hinders no document") {
    Authorities network{4};
    network.run_epochs(1);
    network.stop(3);
    network.own_terms[3] = network.terms;
    network.own_terms[3].optional = {{"later", "1"}};
    network.start(3);
    network.relays[0].relay.optional = later;
    network.run_epochs(3);
    const auto& document = agreed(network, 3);
    CHECK_FALSE(network.documents[3].contains(network.epoch()));
    // It knows that others have signed another text. They have a quorum, and do not.
    const auto own = network.drivers[3]->outvoted();
    REQUIRE(own);
    CHECK(own->first == network.epoch());
    CHECK(own->second.find("\noptional.later 1\n") != std::string::npos);
    for (int other = 0; other < 3; ++other)
        CHECK_FALSE(network.drivers[static_cast<std::size_t>(other)]->outvoted());
    CHECK(document.optional.empty());
    CHECK(document.find(network.relays[0].relay.identity)->optional == later);
}

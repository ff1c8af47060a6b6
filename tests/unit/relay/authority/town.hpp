// An authority with the relays of a small network, and a clock that a test moves.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "relay/authority/authority.hpp"
#include "relay/authority/service.hpp"
#include "sphinx/directory/quorum.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nightjar::relay::authority {

inline constexpr base::Epoch first{500'000};
inline const base::Wall begin{base::Seconds{1'800'000'000}};
inline constexpr base::Seconds hour{3600};

/// A relay that makes new keys for each epoch, as real ones do.
struct TownRelay {
    directory::Relay relay;
    test::RelayKeys keys;
    base::Epoch epoch = first;  // of keys.mix

    std::string text(base::Epoch at, base::Random& random) {
        for (; epoch < at; epoch = epoch.next())
            keys.turn(random);
        return keys.describe(relay, at);
    }
};

struct Town {
    test::TemporaryFolder home;
    std::filesystem::path folder = home.path() / "authority";
    base::SeededRandom random{7};
    std::vector<TownRelay> members;
    std::unique_ptr<Authority> authority;
    base::Wall now = begin;

    Town() {
        init_network(folder, {"example", {"127.0.0.1", 8443}, std::nullopt, hour, true});
        for (std::uint8_t layer = 0; layer < 4; ++layer)
            for (const auto* which : {"a", "b"})
                add("relay-" + std::to_string(layer) + which, layer);
        start();
    }
    TownRelay& add(const std::string& name, std::uint8_t layer) {
        TownRelay member{test::random_relay(random, layer), test::RelayKeys{random}};
        member.relay.name = name;
        member.relay.addresses = {{"127.0.0.1", static_cast<std::uint16_t>(9000 + members.size())}};
        members.push_back(std::move(member));
        admit(folder / "admitted", {id(members.back()), "op-" + name, "", 1});
        return members.back();
    }
    static base::NodeId id(const TownRelay& member) {
        auto named = member.relay;
        member.keys.name_in(named);
        return named.identity;
    }
    void start() {
        authority.reset();
        authority = std::make_unique<Authority>(folder, load_settings(folder), now);
    }
    base::Epoch epoch() const { return directory::epoch_at(now, hour); }
    node::https::Answer ask(const std::string& target, const std::string& known = "") {
        return authority->answer({"GET", target, "", known}, now);
    }
    unsigned send(TownRelay& member, base::Epoch at) {
        return authority->answer({"POST", "/descriptor", member.text(at, random), ""}, now).status;
    }
    void send_all(base::Epoch at) {
        for (auto& member : members)
            send(member, at);
    }
    void pass(base::Seconds time) {
        for (const auto end = now + time; now < end; now += base::Seconds{1})
            authority->tick(now);
    }
    directory::Document document(base::Epoch at) {
        const auto answer = ask("/document/" + std::to_string(at.value));
        REQUIRE(answer.status == 200);
        auto parsed = directory::parse(answer.body);
        REQUIRE(parsed);
        return *parsed;
    }
    bool is_signed(base::Epoch at) const { return authority->signed_epochs().contains(at); }
};

}  // namespace nightjar::relay::authority

// Authorities that break the rules with their own keys.
#pragma once

#include "tests/simulation/agreement_world.hpp"

namespace nightjar::simulation {

/// Votes for whatever each other authority votes for, so that each side of a split believes that it
/// has a quorum (echo); or at random. Proposes different values to different authorities.
class FaultyAuthority {
 public:
    FaultyAuthority(AgreementWorld& world, std::size_t body, const core::Signer& signer,
                    Fault fault);

    void begin(base::Epoch epoch) { propose(epoch, 0); }
    void receive(std::size_t from, const Bundle& bundle);
    std::optional<base::Bytes> value(const core::ValueId& id);

 private:
    void propose(base::Epoch epoch, std::uint32_t round);
    void answer(std::size_t to, const core::Message& message);
    void send(std::size_t to, core::Message message);
    core::ValueId some_value();

    AgreementWorld& world_;
    std::size_t body_;
    const core::Signer& signer_;
    Fault fault_;
    std::map<core::ValueId, base::Bytes> values_;
    std::vector<core::ValueId> heard_;
    std::set<std::pair<base::Epoch, std::uint32_t>> proposed_;
    std::set<std::tuple<std::size_t, base::Epoch, std::uint32_t, core::Kind>> answered_;
};

}  // namespace nightjar::simulation

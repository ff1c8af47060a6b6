#include "tests/simulation/agreement_faulty.hpp"

namespace nightjar::simulation {

FaultyAuthority::FaultyAuthority(AgreementWorld& world, std::size_t body,
                                 const core::Signer& signer, Fault fault)
    : world_{world}, body_{body}, signer_{signer}, fault_{fault} {}

void FaultyAuthority::receive(std::size_t from, const Bundle& bundle) {
    if (fault_ == Fault::silent) return;
    for (const auto& outgoing : bundle) {
        const auto* message = std::get_if<core::Message>(&outgoing);
        if (message == nullptr) continue;
        if (!message->value.is_zero() && heard_.size() < 64) heard_.push_back(message->value);
        propose(message->epoch, message->round);
        if (message->round + 1 < core::rounds_max) propose(message->epoch, message->round + 1);
        answer(from, *message);
    }
}

/// One value to some, another one to the others, or one to a part of them alone.
void FaultyAuthority::propose(base::Epoch epoch, std::uint32_t round) {
    if (fault_ == Fault::silent) return;
    if (world_.made_.council.proposer(epoch, round) != signer_.authority()) return;
    if (!proposed_.insert({epoch, round}).second) return;
    core::Message proposals[2];
    for (auto& proposal : proposals) {
        auto text = world_.coin(0.9) ? "good " : "bad ";
        const auto value =
            text + std::to_string(epoch.value) + " " + std::to_string(world_.random_.u64());
        const auto bytes = base::as_bytes(value);
        const auto id = core::value_id(bytes);
        values_[id] = {bytes.begin(), bytes.end()};
        heard_.push_back(id);
        proposal = signer_.sign({core::Kind::proposal, epoch, round, core::no_round, id, {}, {}});
    }
    for (std::size_t to = 0; to < world_.bodies_.size(); ++to) {
        if (world_.coin(0.1)) continue;
        const Bundle bundle{proposals[world_.coin(0.5) ? 0 : 1]};
        world_.deliver(body_, to, [&world = world_, to, bundle] { world.receive(to, bundle); });
    }
}

core::ValueId FaultyAuthority::some_value() {
    if (heard_.empty() || world_.coin(0.3)) return {};
    return heard_[world_.random_.below(heard_.size())];
}

void FaultyAuthority::answer(std::size_t to, const core::Message& message) {
    if (!answered_.insert({to, message.epoch, message.round, message.kind}).second) return;
    for (const auto kind : {core::Kind::prevote, core::Kind::precommit}) {
        const bool echo = fault_ == Fault::echo;
        if (!echo && world_.coin(0.3)) continue;
        send(to, {kind,
                  message.epoch,
                  message.round,
                  core::no_round,
                  echo ? message.value : some_value(),
                  {},
                  {}});
    }
    if (message.valid_round != core::no_round)  // help one side to unlock
        send(to, {core::Kind::prevote,
                  message.epoch,
                  message.valid_round,
                  core::no_round,
                  message.value,
                  {},
                  {}});
}

void FaultyAuthority::send(std::size_t to, core::Message message) {
    const Bundle bundle{signer_.sign(std::move(message))};
    world_.deliver(body_, to, [&world = world_, to, bundle] { world.receive(to, bundle); });
}

std::optional<base::Bytes> FaultyAuthority::value(const core::ValueId& id) {
    const auto found = values_.find(id);
    if (found == values_.end() || world_.coin(0.3)) return std::nullopt;
    return found->second;
}

}  // namespace nightjar::simulation

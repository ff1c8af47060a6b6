// Authorities that agree, in virtual time and from one seed: the product's own state machines, over
// a network that delays, loses, repeats, reorders and divides, with crashes, clocks that differ,
// and faulty authorities.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "relay/authority/core/agreement.hpp"
#include "sphinx/base/random.hpp"
#include "tests/support/council.hpp"

namespace nightjar::simulation {

namespace core = relay::authority::core;

enum class Fault { none, twin, echo, random_votes, silent };

struct AgreementOptions {
    std::uint64_t seed = 1;
    std::size_t authorities = 4;
    std::size_t faulty = 1;
    unsigned epochs = 3;
    std::optional<Fault> fault;  // of all faulty ones; by default each has its own
    base::Nanoseconds slowest_write = base::Seconds{2};  // until that moment
    bool chaos = true;  // partitions, crashes, losses and long delays until some moment

    // What must be found if the product had it wrong.
    std::size_t quorum = 0;  // 0: the right one
    bool send_before_write = false;
};

struct AgreementOutcome {
    /// Two honest authorities have decided differently.
    bool split = false;
    /// Pairs of honest authority and epoch without a decision in time after all is well again.
    unsigned missed = 0;
    unsigned decided = 0;
    std::uint32_t last_round = 0;  // the highest round of any decision
    std::size_t accused = 0;       // proofs of equivocation that honest authorities hold
    bool honest_accused = false;
};

AgreementOutcome run_agreement(const AgreementOptions& options);

using Bundle = std::vector<core::Outgoing>;

/// One running authority; a twin has two bodies with one key.
class AgreementWorld {
 public:
    explicit AgreementWorld(const AgreementOptions& options);
    AgreementOutcome run();

 private:
    friend class FaultyAuthority;
    struct OnDisk {
        base::Bytes state;
        std::vector<base::Bytes> values;
    };
    struct Running {
        std::unique_ptr<core::Agreement> agreement;
        base::Mono fetch_due{};
        std::optional<base::Mono> wake;
    };
    struct Body;
    class OwnRules;

    void at(base::Mono when, std::function<void()> what);
    base::Mono now() const { return now_; }
    bool coin(double chance) { return random_.unit() < chance; }
    base::Nanoseconds between(double least, double most);

    void make_bodies();
    void plan_epochs();
    void plan_chaos();
    bool calm() const { return now_ >= healed_; }
    bool apart(std::size_t from, std::size_t to) const;
    /// Delivers once, twice or never.
    void deliver(std::size_t from, std::size_t to, const std::function<void()>& what);
    void broadcast(std::size_t from, const Bundle& bundle);

    void begin(std::size_t body, base::Epoch epoch);
    void crash(std::size_t body);
    void restart(std::size_t body);
    void poll(std::size_t body, base::Epoch epoch);
    void write(std::size_t body, base::Epoch epoch, core::Write write);
    void make_durable(std::size_t body, base::Epoch epoch, const core::Write& write);
    void fetch(std::size_t body, base::Epoch epoch, core::Agreement& agreement);
    void receive(std::size_t body, const Bundle& bundle);
    std::optional<core::CheckedMessage> checked(const core::Message& message);
    std::optional<core::CheckedCertificate> checked(const core::Certificate& certificate);
    void note_decision(std::size_t body, base::Epoch epoch, const core::Agreement& agreement);

    struct Event {
        base::Mono when;
        std::uint64_t number;
        std::function<void()> what;
        bool operator<(const Event& other) const {
            return std::tie(other.when, other.number) < std::tie(when, number);
        }
    };

    AgreementOptions options_;
    base::SeededRandom random_;
    test::TestCouncil made_;
    std::vector<std::unique_ptr<Body>> bodies_;
    std::priority_queue<Event> events_;
    std::uint64_t number_ = 0;
    base::Mono now_{};
    base::Mono healed_{};
    std::vector<unsigned> side_;  // of each body: those of different sides hear nothing
    std::map<base::ByteArray<64>, std::optional<core::CheckedMessage>> checked_;
    std::map<base::Bytes, std::optional<core::CheckedCertificate>> certificates_;
    std::map<base::Epoch, core::ValueId> decisions_;
    std::set<std::pair<std::size_t, base::Epoch>> decided_;
    AgreementOutcome outcome_;
};

}  // namespace nightjar::simulation

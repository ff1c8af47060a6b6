#include "tests/simulation/agreement_world.hpp"

#include "tests/simulation/agreement_faulty.hpp"

using namespace std::chrono_literals;

namespace nightjar::simulation {

namespace {

constexpr base::Nanoseconds epoch_length = 600s;
/// Once all is well, an epoch's agreement may take this long.
constexpr base::Nanoseconds in_time = 300s;
constexpr std::uint32_t first_epoch = 1000;

}  // namespace

class AgreementWorld::OwnRules final : public core::Rules {
 public:
    OwnRules(base::Epoch epoch, std::size_t body) : epoch_{epoch}, body_{body} {}
    base::Bytes build() override {
        const auto text = sound() + std::to_string(body_) + "/" + std::to_string(++built_);
        const auto bytes = base::as_bytes(text);
        return {bytes.begin(), bytes.end()};
    }
    bool valid(base::ByteView value) override { return base::as_text(value).starts_with(sound()); }

 private:
    std::string sound() const { return "good " + std::to_string(epoch_.value) + " "; }
    base::Epoch epoch_;
    std::size_t body_;
    unsigned built_ = 0;
};

struct AgreementWorld::Body {
    std::size_t authority = 0;
    Fault fault = Fault::none;
    bool up = true;
    unsigned life = 0;            // counts restarts: events of an earlier life do nothing
    std::set<std::size_t> hears;  // a twin speaks with a part of the others only
    std::map<base::Epoch, std::unique_ptr<OwnRules>> rules;
    std::map<base::Epoch, Running> running;
    std::map<base::Epoch, OnDisk> disk;
    std::deque<std::pair<base::Epoch, core::Write>> being_written;
    std::unique_ptr<FaultyAuthority> faulty;
};

AgreementWorld::AgreementWorld(const AgreementOptions& options)
    : options_{options},
      random_{options.seed},
      made_{test::make_council(options.authorities, 1 + options.seed % 16)} {
    if (options.quorum != 0) made_.council.quorum = options.quorum;
    make_bodies();
    plan_epochs();
    if (options.chaos) plan_chaos();
}

void AgreementWorld::make_bodies() {
    std::vector<std::size_t> order(options_.authorities);
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    random_.shuffle(order);
    for (std::size_t i = 0; i < order.size(); ++i) {
        auto fault = i < options_.faulty ? static_cast<Fault>(1 + random_.below(4)) : Fault::none;
        if (fault != Fault::none) fault = options_.fault.value_or(fault);
        for (int twin = 0; twin < (fault == Fault::twin ? 2 : 1); ++twin) {
            auto body = std::make_unique<Body>();
            body->authority = order[i];
            body->fault = fault;
            if (fault != Fault::none && fault != Fault::twin)
                body->faulty = std::make_unique<FaultyAuthority>(*this, bodies_.size(),
                                                                 *made_.signers[order[i]], fault);
            bodies_.push_back(std::move(body));
        }
    }
    side_.resize(bodies_.size());
    for (auto& body : bodies_)
        for (std::size_t other = 0; other < bodies_.size(); ++other)
            if (body->fault != Fault::twin || coin(0.6)) body->hears.insert(other);
}

void AgreementWorld::at(base::Mono when, std::function<void()> what) {
    events_.push({when, number_++, std::move(what)});
}

base::Nanoseconds AgreementWorld::between(double least, double most) {
    return base::from_seconds(least + (most - least) * random_.unit());
}

void AgreementWorld::plan_epochs() {
    for (std::size_t i = 0; i < bodies_.size(); ++i) {
        const auto fast = between(0, 30);  // each by its own clock
        for (std::uint32_t e = 0; e < options_.epochs; ++e)
            at(base::Mono{} + e * epoch_length + fast,
               [this, i, e] { begin(i, {first_epoch + e}); });
    }
}

void AgreementWorld::plan_chaos() {
    healed_ = base::Mono{} + between(0, 1.5 * base::to_seconds(epoch_length));
    for (base::Mono when{}; when < healed_; when += between(5, 60)) {
        const auto sides = 1 + random_.below(3);
        std::vector<unsigned> side;
        for (std::size_t i = 0; i < bodies_.size(); ++i)
            side.push_back(static_cast<unsigned>(random_.below(sides)));
        at(when, [this, side] { side_ = side; });
    }
    at(healed_, [this] { side_.assign(side_.size(), 0); });
    for (std::size_t i = 0; i < bodies_.size(); ++i) {
        if (bodies_[i]->faulty) continue;
        for (auto when = base::Mono{} + between(0, 200); when < healed_; when += between(1, 200)) {
            at(when, [this, i] { crash(i); });
            when += coin(0.5) ? between(0, 3) : between(0, 100);
            at(std::min(when, healed_), [this, i] { restart(i); });
        }
    }
}

bool AgreementWorld::apart(std::size_t from, std::size_t to) const {
    return side_[from] != side_[to] || !bodies_[from]->hears.contains(to) ||
           !bodies_[to]->hears.contains(from);
}

void AgreementWorld::deliver(std::size_t from, std::size_t to, const std::function<void()>& what) {
    if (from == to || bodies_[from]->authority == bodies_[to]->authority || apart(from, to)) return;
    if (coin(calm() ? 0.02 : 0.2)) return;
    for (int copies = coin(0.05) ? 2 : 1; copies > 0; --copies) {
        const bool late = !calm() && coin(0.1);
        at(now_ + (late ? between(1, 20) : between(0.01, 0.4)), what);
    }
}

void AgreementWorld::broadcast(std::size_t from, const Bundle& bundle) {
    for (std::size_t to = 0; to < bodies_.size(); ++to)
        deliver(from, to, [this, from, to, bundle] {
            if (bodies_[to]->faulty)
                bodies_[to]->faulty->receive(from, bundle);
            else
                receive(to, bundle);
        });
}

// --- One authority ---

void AgreementWorld::begin(std::size_t at_body, base::Epoch epoch) {
    auto& body = *bodies_[at_body];
    if (body.faulty) return body.faulty->begin(epoch);
    auto& rules = body.rules[epoch];
    if (!rules) rules = std::make_unique<OwnRules>(epoch, at_body);
    if (!body.up) return;  // restart() begins it
    const core::AgreementSetup setup{
        &made_.council, made_.signers[body.authority].get(), rules.get(), {}};
    auto& running = body.running[epoch];
    running = {};
    const auto saved = body.disk.find(epoch);
    if (saved == body.disk.end()) {
        running.agreement = std::make_unique<core::Agreement>(setup, epoch, now_);
    } else {
        const auto state = core::parse_saved_state(saved->second.state);
        running.agreement =
            std::make_unique<core::Agreement>(setup, state.value(), saved->second.values, now_);
    }
    poll(at_body, epoch);
}

void AgreementWorld::crash(std::size_t at_body) {
    auto& body = *bodies_[at_body];
    if (!body.up) return;
    body.up = false;
    ++body.life;
    body.running.clear();
    // What was being written may have reached the disk, in its order.
    while (!body.being_written.empty() && coin(0.5)) {
        make_durable(at_body, body.being_written.front().first, body.being_written.front().second);
        body.being_written.pop_front();
    }
    body.being_written.clear();
}

void AgreementWorld::restart(std::size_t at_body) {
    auto& body = *bodies_[at_body];
    if (body.up) return;
    body.up = true;
    for (const auto& [epoch, rules] : body.rules)
        begin(at_body, epoch);
}

void AgreementWorld::poll(std::size_t at_body, base::Epoch epoch) {
    auto& body = *bodies_[at_body];
    const auto found = body.running.find(epoch);
    if (found == body.running.end()) return;
    auto& running = found->second;
    auto& agreement = *running.agreement;
    while (auto next = agreement.take_write())
        write(at_body, epoch, *std::move(next));
    if (const auto bundle = agreement.take_messages(); !bundle.empty()) broadcast(at_body, bundle);
    note_decision(at_body, epoch, agreement);
    const auto life = body.life;
    auto due = *agreement.due();
    if (!agreement.missing().empty()) {
        if (now_ >= running.fetch_due) {
            running.fetch_due = now_ + 1s;
            fetch(at_body, epoch, agreement);
        }
        due = std::min(due, running.fetch_due);
    }
    if (running.wake && *running.wake <= due && *running.wake > now_) return;
    running.wake = due;
    at(due, [this, at_body, epoch, life] {
        auto& later = *bodies_[at_body];
        if (later.life != life) return;
        later.running[epoch].agreement->pass(now_);
        poll(at_body, epoch);
    });
}

void AgreementWorld::make_durable(std::size_t body, base::Epoch epoch, const core::Write& write) {
    auto& disk = bodies_[body]->disk[epoch];
    disk.state = write.state;
    for (const auto& value : write.values)
        disk.values.push_back(*value);
}

void AgreementWorld::write(std::size_t at_body, base::Epoch epoch, core::Write write) {
    auto& body = *bodies_[at_body];
    const auto number = write.number;
    body.being_written.emplace_back(epoch, std::move(write));
    if (options_.send_before_write) body.running[epoch].agreement->written(number, now_);
    const auto life = body.life;
    const auto end =
        now_ + between(0.001, calm() ? 0.05 : base::to_seconds(options_.slowest_write));
    at(end, [this, at_body, epoch, life, number] {
        auto& later = *bodies_[at_body];
        if (later.life != life) return;
        // Writes end in their order: this one ends those before it as well.
        for (bool last = false; !last && !later.being_written.empty();) {
            const auto [of, first] = later.being_written.front();
            later.being_written.pop_front();
            make_durable(at_body, of, first);
            last = of == epoch && first.number == number;
            if (!options_.send_before_write)
                later.running[of].agreement->written(first.number, now_);
            if (of != epoch) poll(at_body, of);
        }
        poll(at_body, epoch);
    });
    if (options_.send_before_write) {
        const auto bundle = body.running[epoch].agreement->take_messages();
        if (!bundle.empty()) broadcast(at_body, bundle);
    }
}

void AgreementWorld::fetch(std::size_t at_body, base::Epoch epoch, core::Agreement& agreement) {
    const auto life = bodies_[at_body]->life;
    for (const auto& id : agreement.missing())
        for (std::size_t from = 0; from < bodies_.size(); ++from)
            deliver(at_body, from, [this, at_body, from, epoch, id, life] {
                auto& other = *bodies_[from];
                std::optional<base::Bytes> value;
                if (other.faulty) {
                    value = other.faulty->value(id);
                } else if (const auto found = other.running.find(epoch);
                           found != other.running.end()) {
                    if (const auto held = found->second.agreement->value(id)) value = *held;
                }
                if (!value) return;
                deliver(from, at_body, [this, at_body, epoch, life, bytes = *value] {
                    auto& body = *bodies_[at_body];
                    if (body.life != life) return;
                    body.running[epoch].agreement->receive_value(bytes, now_);
                    poll(at_body, epoch);
                });
            });
}

// --- Messages ---

std::optional<core::CheckedMessage> AgreementWorld::checked(const core::Message& message) {
    const auto found = checked_.find(message.signature);
    if (found != checked_.end()) return found->second;
    const auto parsed = core::parse_message(core::encode(message));
    auto made = parsed ? core::CheckedMessage::check(*parsed, made_.council) : std::nullopt;
    return checked_.emplace(message.signature, made).first->second;
}

std::optional<core::CheckedCertificate> AgreementWorld::checked(
    const core::Certificate& certificate) {
    const auto bytes = core::encode(certificate);
    const auto found = certificates_.find(bytes);
    if (found != certificates_.end()) return found->second;
    const auto parsed = core::parse_certificate(bytes);
    auto made = parsed ? core::CheckedCertificate::check(*parsed, made_.council) : std::nullopt;
    return certificates_.emplace(bytes, made).first->second;
}

void AgreementWorld::receive(std::size_t at_body, const Bundle& bundle) {
    auto& body = *bodies_[at_body];
    if (!body.up || body.faulty) return;
    std::set<base::Epoch> touched;
    for (const auto& outgoing : bundle)
        std::visit(
            [&](const auto& message) {
                const auto found = body.running.find(message.epoch);
                if (found == body.running.end() || !found->second.agreement->wants(message)) return;
                if (const auto sound = checked(message)) {
                    found->second.agreement->receive(*sound, now_);
                    touched.insert(message.epoch);
                }
            },
            outgoing);
    for (const auto epoch : touched)
        poll(at_body, epoch);
}

void AgreementWorld::note_decision(std::size_t at_body, base::Epoch epoch,
                                   const core::Agreement& agreement) {
    const auto& body = *bodies_[at_body];
    const auto value = agreement.decision();
    if (body.fault != Fault::none || !value) return;
    const auto known = decisions_.emplace(epoch, *value).first->second;
    if (known != *value) outcome_.split = true;
    if (!decided_.insert({at_body, epoch}).second) return;
    ++outcome_.decided;
    outcome_.last_round = std::max(outcome_.last_round, agreement.round());
    const auto begun = base::Mono{} + (epoch.value - first_epoch) * epoch_length;
    if (now_ > std::max(begun, healed_) + in_time) ++outcome_.missed;
}

AgreementOutcome AgreementWorld::run() {
    const auto end =
        std::max(base::Mono{} + (options_.epochs - 1) * epoch_length, healed_) + in_time + 30s;
    while (!events_.empty() && events_.top().when <= end && !outcome_.split) {
        now_ = events_.top().when;
        const auto what = events_.top().what;
        events_.pop();
        what();
    }
    unsigned honest = 0;
    for (const auto& body : bodies_) {
        if (body->fault != Fault::none) continue;
        ++honest;
        for (const auto& [epoch, running] : body->running)
            for (const auto& pair : running.agreement->equivocations()) {
                ++outcome_.accused;
                for (const auto& other : bodies_)
                    if (other->fault == Fault::none &&
                        made_.council.authorities[other->authority] == pair.first.authority)
                        outcome_.honest_accused = true;
            }
    }
    if (!outcome_.split) outcome_.missed += honest * options_.epochs - outcome_.decided;
    return outcome_;
}

AgreementOutcome run_agreement(const AgreementOptions& options) {
    return AgreementWorld{options}.run();
}

}  // namespace nightjar::simulation

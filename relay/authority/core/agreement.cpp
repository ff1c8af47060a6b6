#include "relay/authority/core/agreement.hpp"

#include <algorithm>
#include <cassert>

namespace nightjar::relay::authority::core {

Agreement::Agreement(const AgreementSetup& setup, base::Epoch epoch, base::Mono now)
    : setup_{setup},
      epoch_{epoch},
      log_{*setup.council, epoch},
      repeat_due_{now + setup.times.repeat} {
    start_round(0, now);
    advance(now);
}

Agreement::Agreement(const AgreementSetup& setup, const SavedState& saved,
                     const std::vector<base::Bytes>& values, base::Mono now)
    : setup_{setup},
      epoch_{saved.epoch},
      log_{*setup.council, saved.epoch},
      round_{saved.round},
      step_{saved.step},
      locked_{saved.locked},
      valid_{saved.valid},
      decided_{saved.decision},
      own_{saved.own},
      propose_due_{now + lasting(setup.times.propose)},
      repeat_due_{now} {
    for (const auto& value : values)
        keep(value, true);
    for (const auto* messages : {&saved.heard, &saved.own})
        for (const auto& message : *messages)
            if (const auto checked = CheckedMessage::check(message, *setup_.council))
                log_.add(*checked, round_);
    for (const auto* certificate : {&valid_, &decided_})
        if (*certificate)
            if (const auto checked = CheckedCertificate::check(**certificate, *setup_.council))
                log_.add(*checked);
    drop_values();
    advance(now);
}

bool Agreement::wants(const Message& message) const {
    return !decided_ && log_.wants(message, round_);
}

bool Agreement::wants(const Certificate& certificate) const {
    return !decided_ && log_.wants(certificate);
}

void Agreement::receive(const CheckedMessage& message, base::Mono now) {
    if (!wants(*message)) return;
    log_.add(message, round_);
    advance(now);
}

void Agreement::receive(const CheckedCertificate& certificate, base::Mono now) {
    if (!wants(*certificate)) return;
    log_.add(certificate);
    advance(now);
}

// --- Values ---

bool Agreement::usable(const ValueId& id) const {
    const auto found = values_.find(id);
    return found != values_.end() && found->second.bytes != nullptr;
}

std::shared_ptr<const base::Bytes> Agreement::value(const ValueId& id) const {
    const auto found = values_.find(id);
    return found == values_.end() ? nullptr : found->second.bytes;
}

std::set<ValueId> Agreement::missing() const {
    std::set<ValueId> wanted;
    if (decided_) return wanted;
    if (const auto* proposal = log_.proposal(round_)) wanted.insert(proposal->value);
    if (const auto* decision = log_.decision()) wanted.insert(decision->value);
    for (auto round = round_ + 1; round-- > (valid_ ? valid_->round + 1 : 0);) {
        const auto* certificate = log_.certified(Kind::prevote, round);
        if (certificate == nullptr) continue;
        wanted.insert(certificate->value);
        break;
    }
    std::erase_if(wanted, [this](const ValueId& id) { return held(id); });
    return wanted;
}

void Agreement::receive_value(base::Bytes value, base::Mono now) {
    assert(value.size() <= value_size_max);
    if (!missing().contains(value_id(value))) return;
    keep(std::move(value), false);
    advance(now);
}

void Agreement::keep(base::Bytes value, bool written) {
    const auto id = value_id(value);
    if (held(id)) return;
    const bool sound = setup_.rules->valid(value);
    values_[id] = {sound ? std::make_shared<const base::Bytes>(std::move(value)) : nullptr,
                   written};
}

std::set<ValueId> Agreement::in_use() const {
    std::set<ValueId> ids;
    if (locked_) ids.insert(locked_->value);
    if (valid_) ids.insert(valid_->value);
    if (decided_) ids.insert(decided_->value);
    for (const auto& message : own_)
        ids.insert(message.value);
    return ids;
}

void Agreement::drop_values() {
    const auto used = in_use();
    std::erase_if(values_, [&used](const auto& entry) { return !used.contains(entry.first); });
}

// --- Messages of one's own ---

void Agreement::say(Kind kind, const ValueId& value, std::uint32_t valid_round) {
    const auto message = setup_.signer->sign({kind, epoch_, round_, valid_round, value, {}, {}});
    own_.push_back(message);
    pending_.push_back({++state_, message});
}

void Agreement::vote(Kind kind, const ValueId& value) {
    say(kind, value);
    step_ = kind == Kind::prevote ? Step::prevote : Step::precommit;
}

/// In the order of SavedState.
std::vector<Message> Agreement::heard() const {
    std::vector<Message> all;
    for (const auto round : {round_ - 1, round_})
        for (const auto& message : log_.messages(round))
            if (round != round_ || message.authority != setup_.signer->authority())
                all.push_back(message);
    return all;
}

std::optional<Write> Agreement::take_write() {
    if (taken_ == state_) return std::nullopt;
    taken_ = state_;
    Write write;
    write.number = state_;
    write.state =
        encode(SavedState{epoch_, round_, step_, locked_, valid_, decided_, own_, heard()});
    for (const auto& id : in_use()) {
        const auto found = values_.find(id);
        if (found == values_.end() || found->second.bytes == nullptr || found->second.written)
            continue;
        found->second.written = true;
        write.values.push_back(found->second.bytes);
    }
    return write;
}

void Agreement::written(std::uint64_t number, base::Mono now) {
    assert(number <= taken_);
    written_ = std::max(written_, number);
    while (!pending_.empty() && pending_.front().number <= written_) {
        const auto message = pending_.front().message;
        pending_.pop_front();
        out_.emplace_back(message);
        if (const auto checked = CheckedMessage::check(message, *setup_.council))
            log_.add(*checked, round_);
    }
    advance(now);
}

std::vector<Outgoing> Agreement::take_messages() {
    return std::exchange(out_, {});
}

std::optional<ValueId> Agreement::decision() const {
    if (!decided_ || written_ < decided_at_) return std::nullopt;
    return decided_->value;
}

std::vector<Outgoing> Agreement::repeated() const {
    std::vector<Outgoing> all;
    if (decided_) {
        if (decision()) all.emplace_back(*decided_);
        return all;
    }
    for (const auto round : {round_ - 1, round_})
        for (const auto& message : log_.messages(round))
            all.emplace_back(message);
    if (valid_) all.emplace_back(*valid_);
    return all;
}

}  // namespace nightjar::relay::authority::core

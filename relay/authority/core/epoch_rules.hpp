// What may be decided for one epoch, while the values before it may still be decided: the rules of
// document_rules.hpp from the last decided value, and, when the agreement takes too long, also from
// the ones before it.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "relay/authority/core/driver.hpp"

namespace nightjar::relay::authority::core {

class Driver::EpochRules final : public Rules {
 public:
    EpochRules(const Council& council, const Terms& terms, base::Epoch epoch)
        : council_{council}, terms_{terms}, epoch_{epoch} {}

    /// From now on a value follows `before`. What was insisted on is forgotten if that is another
    /// one than until now.
    void start_from(const Chain& before, const Offers& offers,
                    const std::map<base::Epoch, std::map<base::NodeId, Reveal>>& reveals) {
        if (rules_ && before.last == before_.last) return;
        before_ = before;
        rules_ = std::make_unique<DocumentRules>(council_, terms_, epoch_, before);
        offers.offer_to(*rules_);
        if (const auto held = reveals.find(before.epoch); held != reveals.end())
            for (const auto& [authority, reveal] : held->second)
                rules_->offer(reveal);
    }
    void offer_descriptor(SharedDescriptor read) { rules_->offer_descriptor(std::move(read)); }
    void doubt(const base::NodeId& relay) { rules_->doubt(relay); }
    void offer(const Commitment& commitment) { rules_->offer(commitment); }
    void offer(const Reveal& reveal) { rules_->offer(reveal); }
    /// Descriptors come one by one, so they are not read again for each list.
    void offer_lists(const Offers& offers) { offers.offer_lists_to(*rules_); }

    void insist() { rules_->insist(); }
    /// An authority may be bound to a value that follows an older decision, because it learned of
    /// the newer one too late. So in the end such a value is valid too.
    void relent(const std::map<base::Epoch, Chain>& chains) {
        rules_->relent();
        if (!older_.empty()) return;
        for (const auto& [epoch, chain] : chains)
            if (epoch < epoch_ && chain.last != before_.last)
                older_.push_back(std::make_unique<DocumentRules>(council_, terms_, epoch_, chain));
    }

    /// Why this authority cannot propose; empty: it can, or was not asked.
    const std::string& fault() const { return rules_->fault(); }

    base::Bytes build() override { return rules_->build(); }
    bool valid(base::ByteView value) override {
        if (rules_->valid(value)) return true;
        for (const auto& rules : older_)
            if (rules->valid(value)) return true;
        return false;
    }

 private:
    const Council& council_;
    const Terms& terms_;
    base::Epoch epoch_;
    Chain before_;
    std::unique_ptr<DocumentRules> rules_;
    std::vector<std::unique_ptr<DocumentRules>> older_;
};

}  // namespace nightjar::relay::authority::core

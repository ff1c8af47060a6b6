#include "sphinx/base/prefix_shares.hpp"

#include <algorithm>
#include <cassert>

namespace nightjar::base {

namespace {

IpNetwork prefix_of(const IpAddress& address, int bits) {
    IpNetwork network{address, bits};
    auto& bytes = network.address.bytes;  // every length is a whole number of bytes
    std::fill(bytes.begin() + bits / 8, bytes.end(), std::uint8_t{0});
    return network;
}

IpAddress unmapped(const IpAddress& address) {
    constexpr IpNetwork mapped{{true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}, 96};
    if (!mapped.contains(address)) return address;
    IpAddress v4;
    std::copy(address.bytes.begin() + 12, address.bytes.end(), v4.bytes.begin());
    return v4;
}

}  // namespace

std::vector<IpNetwork> source_prefixes(const IpAddress& address) {
    const auto plain = unmapped(address);
    if (plain.v6) return {prefix_of(plain, 48), prefix_of(plain, 56), prefix_of(plain, 64)};
    return {prefix_of(plain, 24), prefix_of(plain, 32)};
}

/// A prefix, and the longer ones in it that hold places. The root stands for all addresses.
struct PrefixShares::Branch {
    Branch* parent = nullptr;
    IpNetwork prefix;
    std::size_t held = 0;
    std::size_t index = 0;  // in parent->by_held[held]
    std::map<IpNetwork, std::unique_ptr<Branch>> below;
    /// The branches below by what they hold: the heaviest are found without a search.
    std::map<std::size_t, std::vector<Branch*>> by_held;
    std::vector<Holder> holders;  // of the longest prefixes only

    void rank(Branch& child) {
        auto& equals = by_held[child.held];
        child.index = equals.size();
        equals.push_back(&child);
    }
    void unrank(Branch& child) {
        const auto found = by_held.find(child.held);
        auto& equals = found->second;
        equals.back()->index = child.index;
        equals[child.index] = equals.back();
        equals.pop_back();
        if (equals.empty()) by_held.erase(found);
    }
};

PrefixShares::PrefixShares(std::size_t places, Random& random, Ties ties)
    : places_{places}, random_{random}, ties_{ties}, root_{std::make_unique<Branch>()} {
    assert(places > 0);
}

PrefixShares::~PrefixShares() = default;

std::optional<PrefixShares::Holder> PrefixShares::enter(const IpAddress& from, Holder holder) {
    assert(!holds(holder));
    auto* leaf = root_.get();
    for (const auto& prefix : source_prefixes(from)) {
        auto& child = leaf->below[prefix];
        if (!child) {
            child = std::make_unique<Branch>();
            child->parent = leaf;
            child->prefix = prefix;
            leaf->rank(*child);
        }
        leaf = child.get();
    }
    holders_.emplace(holder, Place{leaf, leaf->holders.size()});
    leaf->holders.push_back(holder);
    count(*leaf, true);
    if (size() <= places_) return std::nullopt;
    const auto loser = loser_for(holder);
    leave(loser);
    return loser;
}

void PrefixShares::leave(Holder holder) {
    const auto found = holders_.find(holder);
    if (found == holders_.end()) return;
    const auto [leaf, index] = found->second;
    const auto last = leaf->holders.back();
    leaf->holders[index] = last;
    holders_[last].index = index;
    leaf->holders.pop_back();
    holders_.erase(holder);
    count(*leaf, false);
}

/// Counts one place more or less in all prefixes of a leaf. Deletes those that hold none.
void PrefixShares::count(Branch& leaf, bool more) {
    for (auto* branch = &leaf; branch->parent != nullptr;) {
        auto& parent = *branch->parent;
        parent.unrank(*branch);
        branch->held += more ? 1 : std::size_t{0} - 1;
        if (branch->held > 0)
            parent.rank(*branch);
        else
            parent.below.erase(IpNetwork{branch->prefix});
        branch = &parent;
    }
}

/// The holder that loses its place: in the heaviest prefix at each level. Where the newcomer's own
/// prefix is among the heaviest and `ties_` says so, it is that one.
PrefixShares::Holder PrefixShares::loser_for(Holder newcomer) {
    std::vector<const Branch*> own;  // the newcomer's prefixes, the shortest last
    for (const auto* its = holders_.at(newcomer).leaf; its->parent != nullptr; its = its->parent)
        own.push_back(its);
    bool at_newcomer = ties_ == Ties::newcomer_loses;
    const auto* branch = root_.get();
    while (!branch->by_held.empty()) {
        const auto& equals = branch->by_held.rbegin()->second;
        at_newcomer = at_newcomer && own.back()->held == equals.front()->held;
        branch = at_newcomer ? own.back() : equals[random_.below(equals.size())];
        if (at_newcomer) own.pop_back();
    }
    if (at_newcomer) return newcomer;
    return branch->holders[random_.below(branch->holders.size())];
}

}  // namespace nightjar::base

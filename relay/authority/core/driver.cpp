#include "relay/authority/core/driver.hpp"

#include <algorithm>
#include <tuple>

#include "relay/authority/core/epoch_rules.hpp"

namespace nightjar::relay::authority::core {

namespace {

constexpr std::size_t notes_max = 200;

base::Milliseconds part(base::Seconds length, int of, base::Milliseconds least,
                        base::Milliseconds most) {
    return std::clamp(base::Milliseconds{length} / of, least, most);
}

std::string number(base::Epoch epoch) {
    return std::to_string(epoch.value);
}

/// Whose statement this is, and about which epoch. A bundle of an honest authority has one of each
/// kind. nullopt: it may have several, or they cost little.
std::optional<std::pair<base::Epoch, base::NodeId>> speaker_of(const BundleItem& item) {
    if (const auto* sent = std::get_if<SentCommitment>(&item))
        return std::pair{sent->epoch, sent->commitment.authority};
    if (const auto* sent = std::get_if<SentListing>(&item))
        return std::pair{sent->epoch, sent->listing.authority};
    if (const auto* sent = std::get_if<SentSignature>(&item))
        return std::pair{sent->epoch, sent->signature.authority};
    return std::nullopt;
}

}  // namespace

DriverTimes DriverTimes::of(base::Seconds epoch_length) {
    using namespace std::chrono_literals;
    const base::Milliseconds length{epoch_length};
    DriverTimes times;
    times.begin = length * 5 / 8;
    times.spread = part(epoch_length, 12, 1s, 60s);
    times.settle = part(epoch_length, 8, 1s, 30s);
    times.relent = length / 4;
    times.last = length / 4;
    times.agreement.propose = part(epoch_length, 24, 1s, 20s);
    times.agreement.vote = part(epoch_length, 60, 500ms, 10s);
    times.agreement.repeat = times.agreement.vote;
    return times;
}

Driver::Driver(const DriverSetup& setup, Moment now)
    : setup_{setup}, times_{DriverTimes::of(setup.terms->parameters.epoch_length)} {
    current_ = directory::epoch_at(now.wall, length());
    restore(now);
}

Driver::~Driver() = default;

void Driver::note(std::string sentence) {
    if (notes_.size() < notes_max) notes_.push_back(std::move(sentence));
}

bool Driver::decided(base::Epoch epoch) const {
    return decisions_.contains(epoch) || chains_.contains(epoch);
}

bool Driver::busy() const {
    const auto runs = [](const auto& entry) { return entry.second.agreement != nullptr; };
    const auto unfinished = [](const auto& entry) { return !entry.second.finished; };
    return !claims_.empty() || std::any_of(running_.begin(), running_.end(), runs) ||
           std::any_of(signing_.begin(), signing_.end(), unfinished);
}

// --- What this authority offers ---

void Driver::admit(Admissions own, Moment now) {
    // After a restart a running agreement has no list of this process yet.
    const bool first = !own_;
    own_ = std::move(own);
    for (auto& [epoch, offers] : offers_) {
        const auto at = running_.find(epoch);
        if (!first && at != running_.end() && at->second.agreement) continue;
        list(epoch, now.wall);
        if (at != running_.end()) at->second.rules->offer_lists(offers);
    }
}

/// A newer statement than before, also when the clock was put back. Precondition: the own list is
/// known.
void Driver::list(base::Epoch epoch, base::Wall now) {
    auto& offers = offers_.at(epoch);
    const auto bytes = encode(*own_);
    listed_ = std::max(listed_ + 1, base::unix_seconds(now));
    offers.add(make_listing(*setup_.council, epoch, listed_, value_id(bytes), *setup_.seed));
    offers.add_list(bytes);
}

void Driver::prepare(base::Epoch epoch, base::Wall now) {
    const auto [at, added] = offers_.try_emplace(epoch, *setup_.council, epoch, setup_.terms->open);
    if (!added) return;
    at->second.add(own_commitment(*setup_.council, epoch, *setup_.seed));
    if (own_) list(epoch, now);
    last_change_[epoch] = now;
}

Offers::Taken Driver::offer_descriptor(std::string_view text, Moment now, Strangers strangers) {
    for (const auto& [epoch, offers] : offers_)
        if (strangers == Strangers::taken && offers.holds(text)) return {};
    const auto read = read_descriptor(text);
    if (!read) return {read.error()};
    const auto epoch = (*read)->descriptor.epoch;
    const auto offers = offers_.find(epoch);
    if (offers == offers_.end()) return {"the descriptor is of another epoch"};
    const bool admitted = offers->second.admits((*read)->descriptor.relay.identity);
    if (!admitted && strangers == Strangers::refused) return {"the relay is not admitted"};
    auto taken = offers->second.add_descriptor(*read, before(epoch).roster);
    if (const auto at = running_.find(epoch); taken.in_two_prefixes && at != running_.end())
        at->second.rules->doubt((*read)->descriptor.relay.identity);
    if (!taken.fresh) return taken;
    if (admitted) last_change_[epoch] = now.wall;  // strangers must not delay an agreement
    if (const auto at = running_.find(epoch); at != running_.end())
        at->second.rules->offer_descriptor(*read);
    return taken;
}

// --- Time ---

void Driver::pass(Moment now) {
    current_ = directory::epoch_at(now.wall, length());
    forget(current_);
    for (const auto epoch : {current_, current_.next()})
        prepare(epoch, now.wall);
    // Of the last decision only: what it committed to is not secret any more.
    const auto& chain = before({current_.value + 2});
    if (!chain.last.is_zero())
        reveals_[chain.epoch].try_emplace(setup_.signer->authority(),
                                          own_reveal(*setup_.council, chain.epoch, *setup_.seed));
    follow_claims();
    for (const auto epoch : {current_, current_.next()}) {
        consider(epoch, now);
        pump(epoch, now);
    }
}

Driver::Running& Driver::run(base::Epoch epoch) {
    auto& running = running_[epoch];
    if (!running.rules) {
        running.rules = std::make_unique<EpochRules>(*setup_.council, *setup_.terms, epoch);
        running.rules->start_from(before(epoch), offers_.at(epoch), reveals_);
    }
    return running;
}

/// Begins, insists and relents when it is time.
void Driver::consider(base::Epoch epoch, Moment now) {
    if (decided(epoch) || barred_.contains(epoch)) return;
    const auto begin = directory::epoch_start(epoch, length()) - times_.begin;
    const auto at = running_.find(epoch);
    if (at == running_.end() && now.wall >= begin - times_.spread && now.wall < begin &&
        offers_.at(epoch).enough())
        run(epoch).rules->insist();
    if (!may_begin(epoch, now)) return;
    auto& running = run(epoch);
    if (!running.agreement) {
        running.begun = now.mono;
        const AgreementSetup setup{setup_.council, setup_.signer, running.rules.get(),
                                   times_.agreement};
        running.agreement = std::make_unique<Agreement>(setup, epoch, now.mono);
    }
    if (now.mono >= running.begun + times_.relent) running.rules->relent(chains_);
    running.agreement->pass(now.mono);
    if (running.rules->fault() == running.fault) return;
    running.fault = running.rules->fault();
    if (!running.fault.empty())
        note("epoch " + number(epoch) + ": nothing can be proposed: " + running.fault);
}

bool Driver::may_begin(base::Epoch epoch, Moment now) {
    const auto at = running_.find(epoch);
    if (at != running_.end() && at->second.agreement) return true;
    const auto& offers = offers_.at(epoch);
    if (!offers.enough()) return false;
    if (epoch == current_)
        return offers.complete() || now.wall >= last_change_[epoch] + times_.settle;
    const auto start = directory::epoch_start(epoch, length());
    if (now.wall < start - times_.begin) return false;
    if (decided(current_)) return true;
    const auto one_before = running_.find(current_);
    if (one_before != running_.end() && one_before->second.agreement)
        return now.mono >= one_before->second.begun + times_.relent;
    return now.wall >= start - times_.last;
}

/// Writes what must be written, and takes what follows.
void Driver::pump(base::Epoch epoch, Moment now) {
    const auto at = running_.find(epoch);
    if (at == running_.end() || !at->second.agreement) return;
    auto& agreement = at->second.agreement;
    auto& unwritten = at->second.unwritten;
    for (;;) {
        if (!unwritten) unwritten = agreement->take_write();
        if (!unwritten) break;
        for (const auto& each : unwritten->values) {
            const auto id = value_id(*each);
            setup_.disk->put("value." + base::to_hex(id.bytes), *each);
            values_[id] = epoch;
        }
        setup_.disk->put("state." + number(epoch), unwritten->state);
        agreement->written(unwritten->number, now.mono);
        unwritten.reset();
    }
    agreement->take_messages();  // the others ask: bundle() has what they need
    for (const auto& pair : agreement->equivocations()) {
        base::Bytes both = encode(pair.first);
        const auto second = encode(pair.second);
        both.insert(both.end(), second.begin(), second.end());
        const auto who = base::to_hex(pair.first.authority.bytes);
        const auto name = "evidence." + number(epoch) + "." + who;
        if (setup_.disk->get(name)) continue;
        setup_.disk->put(name, both);
        note("authority " + who + " has signed two different messages for one round of epoch " +
             number(epoch) + "; both are in agreement/" + name);
    }
    if (!agreement->decision()) return;
    claim(agreement->proof());
    follow_claims();
}

// --- What others say ---

void Driver::receive(const Bundle& bundle, Moment now) {
    // Thousands of one authority's would fit, and each listing or signature costs much time.
    std::set<std::tuple<std::size_t, base::Epoch, base::NodeId>> said;
    for (const auto& item : bundle) {
        const auto speaker = speaker_of(item);
        if (speaker && !said.emplace(item.index(), speaker->first, speaker->second).second)
            continue;
        std::visit([&](const auto& each) { take(each, now); }, item);
    }
    follow_claims();
    for (const auto epoch : {current_, current_.next()})
        pump(epoch, now);
}

void Driver::take(const Message& message, Moment now) {
    const auto at = running_.find(message.epoch);
    if (at == running_.end() || !at->second.agreement || !at->second.agreement->wants(message))
        return;
    if (const auto checked = CheckedMessage::check(message, *setup_.council))
        at->second.agreement->receive(*checked, now.mono);
}

void Driver::take(const Certificate& certificate, Moment now) {
    const auto epoch = certificate.epoch;
    const auto at = running_.find(epoch);
    const bool runs = at != running_.end() && at->second.agreement;
    const bool wanted = runs && at->second.agreement->wants(certificate);
    const bool known = decided(epoch) || claims_.contains(epoch) || refused_.contains(epoch) ||
                       epoch > current_.next() ||
                       (epoch < current_ && epoch < before(current_).epoch);
    const bool decides = certificate.kind == Kind::precommit && !known;
    if (!wanted && !decides) return;
    const auto checked = CheckedCertificate::check(certificate, *setup_.council);
    if (!checked) return;
    if (wanted) at->second.agreement->receive(*checked, now.mono);
    if (decides) claim(certificate);
}

void Driver::take(const SentCommitment& sent, Moment) {
    const auto offers = offers_.find(sent.epoch);
    if (offers == offers_.end() || !offers->second.add(sent.commitment)) return;
    if (const auto at = running_.find(sent.epoch); at != running_.end())
        at->second.rules->offer(sent.commitment);
}

void Driver::take(const SentReveal& sent, Moment) {
    const auto chain = chains_.find(sent.epoch);
    if (chain == chains_.end() || reveals_[sent.epoch].contains(sent.reveal.authority)) return;
    const auto& commitments = chain->second.commitments;
    if (std::none_of(commitments.begin(), commitments.end(), [&](const Commitment& commitment) {
            return opens(sent.reveal, commitment, *setup_.council, sent.epoch);
        }))
        return;
    reveals_[sent.epoch][sent.reveal.authority] = sent.reveal;
    for (auto& [epoch, running] : running_)
        running.rules->offer(sent.reveal);
}

void Driver::take(const SentListing& sent, Moment) {
    const auto offers = offers_.find(sent.epoch);
    if (offers == offers_.end() || !offers->second.add(sent.listing)) return;
    // Authorities often have the same list, and it is the same in each epoch.
    for (const auto& [epoch, other] : offers_)
        if (const auto list = other.list(sent.listing.list)) offers->second.add_list(*list);
    if (const auto at = running_.find(sent.epoch); at != running_.end())
        at->second.rules->offer_lists(offers->second);
}

void Driver::take(const SentSignature& sent, Moment) {
    const auto at = signing_.find(sent.epoch);
    if (at == signing_.end()) return;
    if (at->second.signatures.add(sent.signature)) finish(at->second);
}

void Driver::take(const SentDescriptor& sent, Moment now) {
    static_cast<void>(offer_descriptor(sent.text, now));
}

bool Driver::wants_descriptors(const DescriptorsHash& its) const {
    const auto offers = offers_.find(its.epoch);
    return offers != offers_.end() && !decided(its.epoch) && offers->second.unseen(its.hash);
}

void Driver::receive_descriptors(const DescriptorsHash& its, const Bundle& bundle, Moment now) {
    if (!wants_descriptors(its)) return;
    for (const auto& item : bundle)
        if (const auto* descriptor = std::get_if<SentDescriptor>(&item)) take(*descriptor, now);
    // Not `its`: one that names another authority's hash, and sends nothing, would hide what that
    // one has.
    offers_.at(its.epoch).saw(descriptors_hash(bundle));
}

std::set<ValueId> Driver::missing() const {
    std::set<ValueId> wanted;
    for (const auto& [epoch, offers] : offers_)
        wanted.merge(offers.missing());
    for (const auto& [epoch, running] : running_)
        if (running.agreement) wanted.merge(running.agreement->missing());
    for (const auto& id : missing_of_chain())
        wanted.insert(id);
    return wanted;
}

void Driver::receive_object(base::ByteView bytes, Moment now) {
    if (bytes.size() > value_size_max) return;
    const auto id = value_id(bytes);
    if (!missing().contains(id)) return;
    for (auto& [epoch, offers] : offers_)
        if (offers.add_list(bytes))
            if (const auto at = running_.find(epoch); at != running_.end())
                at->second.rules->offer_lists(offers);
    for (auto& [epoch, running] : running_)
        if (running.agreement)
            running.agreement->receive_value({bytes.begin(), bytes.end()}, now.mono);
    if (missing_of_chain().contains(id)) {
        const auto parsed = parse_epoch_value(bytes);
        setup_.disk->put("value." + base::to_hex(id.bytes), bytes);
        values_[id] = parsed ? parsed->epoch : current_;
        follow_claims();
    }
    for (const auto epoch : {current_, current_.next()})
        pump(epoch, now);
}

// --- What this authority says ---

Bundle Driver::bundle() const {
    Bundle all;
    for (const auto& [epoch, certificate] : decisions_)
        all.emplace_back(certificate);
    for (const auto& [epoch, running] : running_) {
        if (!running.agreement) continue;
        for (const auto& each : running.agreement->repeated())
            std::visit([&all](const auto& said) { all.emplace_back(said); }, each);
    }
    for (const auto& [epoch, signing] : signing_)
        for (const auto& signature : signing.signatures.document().signatures)
            all.emplace_back(SentSignature{epoch, signature});
    for (const auto& [epoch, reveals] : reveals_)
        for (const auto& [authority, reveal] : reveals)
            all.emplace_back(SentReveal{epoch, reveal});
    for (const auto& [epoch, offers] : offers_)
        offers.put_statements(all);
    return all;
}

Bundle Driver::descriptors(base::Epoch epoch) const {
    const auto offers = offers_.find(epoch);
    return offers == offers_.end() ? Bundle{} : offers->second.descriptors();
}

std::set<base::NodeId> Driver::described(base::Epoch epoch) const {
    const auto offers = offers_.find(epoch);
    return offers == offers_.end() ? std::set<base::NodeId>{} : offers->second.described();
}

std::optional<base::Bytes> Driver::object(const ValueId& id) const {
    for (const auto& [epoch, running] : running_)
        if (running.agreement)
            if (const auto held = running.agreement->value(id)) return *held;
    for (const auto& [epoch, offers] : offers_)
        if (const auto list = offers.list(id)) return *list;
    return value(id);
}

}  // namespace nightjar::relay::authority::core

// What is decided: following others' decisions, signing, and going on after a restart.
//
// Files: state.EPOCH and value.HASH are what an agreement writes before it speaks; decision.EPOCH,
// chain.EPOCH and signed.EPOCH follow from its end; evidence.EPOCH.AUTHORITY is for people.
#include <algorithm>
#include <charconv>

#include "relay/authority/core/driver.hpp"
#include "relay/authority/core/epoch_rules.hpp"
#include "sphinx/directory/quorum.hpp"

namespace nightjar::relay::authority::core {

namespace {

constexpr std::size_t chains_max = 4;

std::string number(base::Epoch epoch) {
    return std::to_string(epoch.value);
}

/// The kind of a file, and the epoch in its name if there is one.
std::pair<std::string, std::optional<base::Epoch>> parts_of(const std::string& name) {
    const auto dot = name.find('.');
    if (dot == std::string::npos) return {};
    base::Epoch epoch;
    const auto* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + dot + 1, end, epoch.value);
    const bool whole = error == std::errc{} && (stop == end || *stop == '.');
    return {name.substr(0, dot), whole ? std::optional{epoch} : std::nullopt};
}

}  // namespace

// --- After a restart ---

void Driver::restore(Moment now) {
    for (const auto& name : setup_.disk->names()) {
        if (!name.starts_with("value.")) continue;
        const auto bytes = setup_.disk->get(name);
        if (!bytes) continue;
        // Of another version of this program, or damaged: it is of no use, and would stay for ever.
        if (const auto parsed = parse_epoch_value(*bytes))
            values_[value_id(*bytes)] = parsed->epoch;
        else
            setup_.disk->remove(name);
    }
    for (const auto* kind : {"chain", "decision", "signed", "state"})
        for (const auto& name : setup_.disk->names()) {
            const auto [its, epoch] = parts_of(name);
            if (its != kind || !epoch) continue;
            if (const auto content = setup_.disk->get(name))
                restore_file(its, *epoch, *content, now);
        }
    if (chains_.empty()) chains_[{}] = {};
    for (const auto epoch : {current_, current_.next()})
        prepare(epoch, now.wall);
}

void Driver::restore_file(const std::string& kind, base::Epoch epoch, const base::Bytes& content,
                          Moment now) {
    if (kind == "chain") {
        if (auto chain = parse_chain(content)) chains_[epoch] = *std::move(chain);
        while (chains_.size() > chains_max)
            chains_.erase(chains_.begin());
    } else if (kind == "decision") {
        const auto certificate = parse_certificate(content);
        if (certificate && CheckedCertificate::check(*certificate, *setup_.council))
            decisions_[epoch] = *certificate;
    } else if (kind == "signed" && epoch.next() >= current_) {
        const auto document = directory::parse(base::as_text(content));
        if (document) sign(*document);
    } else if (kind == "state" && epoch >= current_ && !decided(epoch)) {
        restore_agreement(epoch, content, now);
    }
}

void Driver::restore_agreement(base::Epoch epoch, const base::Bytes& content, Moment now) {
    if (chains_.empty()) chains_[{}] = {};
    const auto saved = parse_saved_state(content);
    if (!saved || saved->epoch != epoch) {
        barred_.insert(epoch);
        note("agreement/state." + number(epoch) +
             " is damaged: this authority takes no part in the agreement of that epoch");
        return;
    }
    prepare(epoch, now.wall);
    std::vector<base::Bytes> values;
    for (const auto& [id, of] : values_)
        if (of == epoch)
            if (auto bytes = value(id)) values.push_back(*std::move(bytes));
    auto& running = run(epoch);
    const AgreementSetup setup{setup_.council, setup_.signer, running.rules.get(),
                               times_.agreement};
    // What is known of the others may have been more before. So it insists on nothing.
    running.begun = now.mono;
    running.rules->relent(chains_);
    running.agreement = std::make_unique<Agreement>(setup, *saved, values, now.mono);
}

void Driver::forget(base::Epoch current) {
    const auto old = [](base::Epoch last) {
        return [last](const auto& entry) { return entry.first < last; };
    };
    std::erase_if(offers_, old(current));
    std::erase_if(last_change_, old(current));
    std::erase_if(running_, old(current));
    std::erase_if(barred_, [&](base::Epoch epoch) { return epoch < current; });
    std::erase_if(refused_, [&](base::Epoch epoch) { return epoch < current; });
    std::erase_if(signing_, [&](const auto& entry) { return entry.first.next() < current; });
    std::erase_if(reveals_, [this](const auto& entry) { return !chains_.contains(entry.first); });
    // The newest decision shows one that was away where to begin.
    while (decisions_.size() > 1 && decisions_.begin()->first.next() < current)
        decisions_.erase(decisions_.begin());
    if (forgotten_ == current) return;
    for (const auto& name : setup_.disk->names()) {
        const auto [kind, epoch] = parts_of(name);
        const bool over = epoch && ((kind == "state" && *epoch < current) ||
                                    (kind == "decision" && !decisions_.contains(*epoch)) ||
                                    (kind == "signed" && epoch->next() < current) ||
                                    (kind == "chain" && !chains_.contains(*epoch)));
        if (over) setup_.disk->remove(name);
    }
    std::erase_if(values_, [&](const auto& entry) {
        const auto& [id, epoch] = entry;
        const bool over = epoch.value + values_kept < current.value;
        if (over) setup_.disk->remove("value." + base::to_hex(id.bytes));
        return over;
    });
    left_out_.erase(left_out_.begin(), left_out_.lower_bound(current));
    for (const auto& [epoch, certificate] : claims_)
        if (epoch < current)
            note("the decision of epoch " + number(epoch) +
                 " cannot be followed: no other authority has the values before it; if that stays, "
                 "copy the folder `agreement` of another one while both are stopped");
    forgotten_ = current;
}

// --- The chain ---

std::vector<std::string> Driver::left_out(base::Epoch epoch) const {
    const auto found = left_out_.find(epoch);
    return found == left_out_.end() ? std::vector<std::string>{} : found->second;
}

const Chain& Driver::before(base::Epoch epoch) const {
    auto at = chains_.lower_bound(epoch);
    static const Chain none;
    return at == chains_.begin() ? none : (--at)->second;
}

std::optional<base::Bytes> Driver::value(const ValueId& id) const {
    if (!values_.contains(id)) return std::nullopt;
    auto bytes = setup_.disk->get("value." + base::to_hex(id.bytes));
    if (!bytes || value_id(*bytes) != id) return std::nullopt;
    return bytes;
}

void Driver::claim(const Certificate& certificate) {
    claims_.emplace(certificate.epoch, certificate);
    // Of those that are over only the last one counts: it names the ones before it.
    while (claims_.size() > 1 && std::next(claims_.begin())->first < current_)
        claims_.erase(claims_.begin());
}

std::set<ValueId> Driver::missing_of_chain() const {
    std::set<ValueId> wanted;
    for (const auto& [epoch, certificate] : claims_)
        if (!values_.contains(certificate.value)) wanted.insert(certificate.value);
    if (!path_.empty() && !values_.contains(path_.back())) wanted.insert(path_.back());
    return wanted;
}

void Driver::follow_claims() {
    while (!claims_.empty()) {
        const auto certificate = claims_.begin()->second;
        if (!follow(certificate)) return;
        claims_.erase(certificate.epoch);
        path_.clear();
        const auto next = running_.find(certificate.epoch.next());
        if (next != running_.end())
            next->second.rules->start_from(before(next->first), offers_.at(next->first), reveals_);
    }
}

/// True if nothing more is to be done about it.
bool Driver::follow(const Certificate& certificate) {
    if (path_.empty() || path_.front() != certificate.value) path_ = {certificate.value};
    const auto known = [this](const ValueId& id) {
        return id.is_zero() || std::any_of(chains_.begin(), chains_.end(),
                                           [&](const auto& at) { return at.second.last == id; });
    };
    for (;;) {
        const auto bytes = value(path_.back());
        if (!bytes) {
            values_.erase(path_.back());  // it is asked for again
            return false;
        }
        const auto parsed = parse_epoch_value(*bytes);
        if (!parsed || path_.size() > values_kept) {
            note("the decision of epoch " + number(certificate.epoch) +
                 " cannot be followed: this authority was away for too long; copy the folder "
                 "`agreement` of another one while both are stopped");
            refused_.insert(certificate.epoch);
            return true;
        }
        if (known(parsed->previous)) break;
        path_.push_back(parsed->previous);
    }
    for (; !path_.empty(); path_.pop_back())
        if (!adopt(path_.back(), certificate)) {
            refused_.insert(certificate.epoch);
            return true;
        }
    return true;
}

/// One decided value. Precondition: the one before it is known.
bool Driver::adopt(const ValueId& id, const Certificate& claim) {
    const auto bytes = value(id).value();
    const auto parsed = parse_epoch_value(bytes).value();
    Chain from;
    for (const auto& [epoch, chain] : chains_)
        if (chain.last == parsed.previous) from = chain;
    const auto epoch = parsed.epoch;
    DocumentRules rules{*setup_.council, *setup_.terms, epoch, from};
    // What is here is not read again.
    if (const auto offers = offers_.find(epoch); offers != offers_.end())
        offers->second.offer_to(rules);
    const auto outcome = rules.outcome_of_decided(bytes);
    if (!outcome) {
        note("the decision of epoch " + number(epoch) + " cannot be followed: " + outcome.error());
        return false;
    }
    // The chain says that it is decided, so it comes last.
    if (id == claim.value) setup_.disk->put("decision." + number(epoch), encode(claim));
    setup_.disk->put("chain." + number(epoch), encode(outcome->next));
    if (id == claim.value) decisions_[epoch] = claim;
    chains_[epoch] = outcome->next;
    if (chains_.size() > 1 && chains_.begin()->second.last.is_zero())
        chains_.erase(chains_.begin());
    while (chains_.size() > chains_max)
        chains_.erase(chains_.begin());
    running_.erase(epoch);
    if (epoch.next() < current_) return true;
    for (const auto& sentence : outcome->left_out)
        note("epoch " + number(epoch) + ": " + sentence);
    left_out_[epoch] = outcome->left_out;
    for (const auto& authority : outcome->missing_reveals)
        note("epoch " + number(epoch) + ": authority " + base::to_hex(authority.bytes) +
             " has not revealed its secret");
    if (outcome->document)
        sign(*outcome->document);
    else
        note("epoch " + number(epoch) +
             " has no document: the authorities have recorded its new mixes, and place them in "
             "the next one");
    return true;
}

// --- Signatures ---

/// What was signed once for an epoch stays: the terms may have changed since.
void Driver::sign(const directory::Document& document) {
    const auto epoch = document.epoch;
    if (signing_.contains(epoch)) return;
    const auto name = "signed." + number(epoch);
    auto own = document;
    if (const auto kept = setup_.disk->get(name)) {
        const auto parsed = directory::parse(base::as_text(*kept));
        if (!parsed) {
            note("agreement/" + name + " is damaged: this authority does not sign that document");
            return;
        }
        own = *parsed;
    } else {
        directory::sign(own, *setup_.seed);
        setup_.disk->put(name, base::as_bytes(directory::to_text(own)));
    }
    const auto signatures = std::exchange(own.signatures, {});
    auto& signing =
        signing_.emplace(epoch, Signing{DocumentSignatures{*setup_.council, std::move(own)}})
            .first->second;
    for (const auto& signature : signatures)
        signing.signatures.add(signature);
    finish(signing);
}

void Driver::finish(Signing& signing) {
    if (signing.finished || !signing.signatures.complete()) return;
    signing.finished = true;
    finished_.push_back(signing.signatures.document());
}

std::optional<std::pair<base::Epoch, std::string>> Driver::outvoted() const {
    for (auto at = signing_.rbegin(); at != signing_.rend(); ++at)
        if (!at->second.finished && at->second.signatures.misfits())
            return std::pair{at->first, at->second.signatures.signed_text()};
    return std::nullopt;
}

}  // namespace nightjar::relay::authority::core

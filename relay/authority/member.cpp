#include "relay/authority/member.hpp"

#include <algorithm>

#include "relay/authority/answers.hpp"
#include "relay/authority/door.hpp"
#include "relay/authority/signing.hpp"
#include "relay/authority/status_file.hpp"
#include "sphinx/directory/statement.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::authority {

using node::https::Answer;
using node::https::Request;
using node::process::Level;
using node::process::log;

namespace {

base::Secret<32> read_seed(const fs::path& folder) {
    return node::files::read_key(folder / "authority.key", node::files::KeyKind::authority);
}

/// What this authority's list says. Of relays that it does not list only where admission is open.
core::Admissions admissions_of(const Registry& registry, std::set<base::NodeId> unreachable,
                               bool open) {
    core::Admissions all;
    for (const auto& relay : registry.admitted())
        all.push_back({relay.identity, relay.operator_name, relay.family, relay.capacity,
                       unreachable.erase(relay.identity) > 0});
    for (const auto& relay : registry.expelled()) {
        unreachable.erase(relay);
        if (open) all.push_back({relay, {}, {}, 1, false, core::Standing::expelled});
    }
    for (const auto& relay : unreachable)
        if (open && all.size() < core::admissions_max)
            all.push_back({relay, {}, {}, 1, true, core::Standing::unlisted});
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.identity < b.identity; });
    return all;
}

std::vector<std::string> texts_of(core::Bundle descriptors) {
    std::vector<std::string> texts;
    for (auto& item : descriptors)
        if (auto* sent = std::get_if<core::SentDescriptor>(&item))
            texts.push_back(std::move(sent->text));
    return texts;
}

Answer bytes(const base::Bytes& content) {
    Answer answer;
    answer.type = "application/octet-stream";
    answer.body = base::as_text(content);
    return answer;
}

}  // namespace

Member::Member(fs::path folder, Settings settings, node::config::AnchorsFile network,
               core::Moment now)
    : folder_{std::move(folder)},
      settings_{std::move(settings)},
      network_{std::move(network)},
      seed_{read_seed(folder_)},
      council_{core::Council::of(network_.anchors)},
      signer_{council_, read_seed(folder_)},
      terms_{settings_.terms.network,
             settings_.terms.parameters,
             settings_.terms.change,
             settings_.terms.recommended_versions,
             settings_.terms.optional,
             settings_.open,
             {}},
      archive_{folder_},
      disk_{folder_ / "agreement"},
      evidence_{evidence_folder(folder_)},
      driver_{{&council_, &signer_, &seed_, &terms_, &disk_}, now},
      reach_{length()} {
    const auto own = council_.index_of(signer_.authority());
    if (!own)
        throw node::process::ConfigError{(folder_ / "network.yaml").string() +
                                         ": this authority's key is not among the network's "
                                         "authorities; assemble the network again"};
    state_list(now);
    for (const auto& text : archive_.descriptors())
        static_cast<void>(take_descriptor(text, {}, now));
    log_notes();
}

template <class Work>
void Member::attempt(const Work& work) {
    try {
        work();
    } catch (const std::exception& error) {
        if (error.what() != trouble_) log(Level::warning, error.what());
        trouble_ = error.what();
    }
}

/// What this authority has found about relays, and the operator's list. The list comes last: it may
/// be unreadable until the operator mends it.
void Member::state_list(core::Moment now) {
    const auto described = [this](base::Epoch epoch) { return driver_.described(epoch); };
    const auto state = [&] {
        driver_.admit(admissions_of(registry_, reach_.stated(), settings_.open.open()), now);
    };
    if (reach_.look(archive_, described, now.wall) && list_known_) state();
    std::error_code absent;
    const auto stamp = fs::last_write_time(folder_ / "admitted", absent);
    if (list_known_ && stamp == list_read_) return;
    registry_.admit(load_admitted(folder_ / "admitted"));
    list_read_ = stamp;
    list_known_ = true;
    state();
}

void Member::tick(core::Moment now) {
    const auto current = directory::epoch_at(now.wall, length());
    attempt([&] {
        state_list(now);
        registry_.forget_before(current);
        archive_.forget_descriptors_before(current);
    });
    attempt([&] { driver_.pass(now); });
    attempt([&] { keep_documents(now.wall); });
    log_notes();
}

void Member::keep_documents(base::Wall now) {
    for (auto& document : driver_.take_documents())
        unkept_.push_back(std::move(document));
    while (!unkept_.empty()) {
        const auto& document = unkept_.front();
        if (!archive_.signed_epochs().contains(document.epoch)) {
            archive_.keep_document(document.epoch, directory::to_text(document));
            network_.anchors.gateways = gateways_of(document);
            node::config::save_anchors_file(folder_ / "network.yaml", network_);
            log(Level::info, "the document of epoch " + std::to_string(document.epoch.value) +
                                 " has " + std::to_string(document.signatures.size()) + " of " +
                                 std::to_string(council_.size()) + " signatures and lists " +
                                 std::to_string(document.relays.size()) + " relays");
            trouble_.clear();
            write_status_file(folder_, document,
                              {council_.authorities, driver_.left_out(document.epoch), now,
                               &reach_.tries(), settings_.terms.change},
                              registry_, driver_.described(document.epoch));
            archive_.keep_listed(document, texts_of(driver_.descriptors(document.epoch)));
        }
        unkept_.erase(unkept_.begin());
    }
}

void Member::log_notes() {
    for (const auto& note : driver_.take_notes())
        log(Level::warning, note);
}

Answer Member::answer(const Request& request, core::Moment now) {
    auto routed = route(request);
    switch (routed.what) {
        case Routed::What::descriptor:
            return take_descriptor(request.body, request.from, now);
        case Routed::What::document:
            return document_answer(archive_, pages_, request, length(), now.wall);
        case Routed::What::other:
            if (path_of(request).starts_with("/agreement") && request.method == "GET")
                return agreement_answer(request);
            break;
        case Routed::What::refused:
            break;
    }
    return std::move(routed.refusal);
}

Answer Member::agreement_answer(const Request& request) {
    const auto path = path_of(request);
    if (path == "/agreement") return bytes(core::encode(driver_.bundle()));
    constexpr std::string_view descriptors = "/agreement/descriptors/";
    constexpr std::string_view object = "/agreement/object/";
    if (path.starts_with(descriptors)) {
        const auto epoch = parse_epoch(path.substr(descriptors.size()));
        if (epoch)
            return bytes(core::encode(driver_.descriptors(*epoch), core::descriptors_size_max));
    }
    if (path.starts_with(object)) {
        const auto hash = base::from_hex(path.substr(object.size()));
        const auto id = hash ? core::ValueId::from(*hash) : std::nullopt;
        if (const auto held = id ? driver_.object(*id) : std::nullopt) return bytes(*held);
    }
    return line(404, "there is no such object");
}

/// `from`: who sent it; nullopt: an earlier process took it.
Answer Member::take_descriptor(const std::string& text, const std::optional<base::IpAddress>& from,
                               core::Moment now) {
    const auto current = directory::epoch_at(now.wall, length());
    std::set<base::Epoch> decided;
    for (const auto epoch : {current, current.next()})
        if (driver_.decided(epoch)) decided.insert(epoch);
    const auto taken = registry_.offer(text, current, decided);
    // A relay that is not on this list may be on most of the others'.
    if (!taken && taken.error().status != 403)
        return line(taken.error().status, taken.error().reason);
    const auto parsed = directory::parse_descriptor(text);
    const auto fault = !settings_.open.open()
                           ? (taken ? std::string{} : taken.error().reason)
                           : (from ? door_fault(parsed->relay, *from) : std::string{});
    const auto offered = driver_.offer_descriptor(
        text, now,
        fault.empty() ? core::Driver::Strangers::taken : core::Driver::Strangers::refused);
    if (!offered.reason.empty())
        return line(403, !fault.empty() ? fault
                         : taken ? "this authority lists the relay, but most of the others do not "
                                   "(yet): ask their operators to admit it too"
                                 : offered.reason);
    reach_.hear(text);
    // Each write waits for the disk. An older one must not replace what is there.
    if (taken ? taken->fresh : offered.fresh)
        archive_.keep_descriptor(parsed->epoch, parsed->relay.identity, text);
    return line(200, "the descriptor for epoch " + std::to_string(parsed->epoch.value) +
                         " is here" + reach_.remark(parsed->relay.identity));
}

Member::Wants Member::take_bundle(const std::string& body, core::Moment now) {
    Wants wants;
    const auto bundle = core::parse_bundle(base::as_bytes(body));
    if (!bundle) return wants;
    attempt([&] { driver_.receive(*bundle, now); });
    log_notes();
    // To compare one hashes all descriptors of its epoch. An honest bundle has one for each epoch.
    std::set<base::Epoch> named;
    for (const auto& item : *bundle)
        if (const auto* its = std::get_if<core::DescriptorsHash>(&item);
            its != nullptr && named.insert(its->epoch).second && driver_.wants_descriptors(*its))
            wants.descriptors.push_back(*its);
    wants.objects = driver_.missing();
    return wants;
}

void Member::take_descriptors(const core::DescriptorsHash& its, const std::string& body,
                              core::Moment now) {
    const auto bundle = core::parse_bundle(base::as_bytes(body), core::descriptors_size_max);
    if (!bundle) return;
    attempt([&] { driver_.receive_descriptors(its, *bundle, now); });
    if (reach_.stated().empty()) return;
    // Of what came only that which counts: a stranger could have signed the rest.
    for (const auto& item : driver_.descriptors(its.epoch))
        if (const auto* kept = std::get_if<core::SentDescriptor>(&item)) reach_.hear(kept->text);
}

void Member::take_object(const std::string& body, core::Moment now) {
    attempt([&] { driver_.receive_object(base::as_bytes(body), now); });
}

std::optional<Member::Comparison> Member::comparison(std::optional<base::Epoch> compared) {
    const auto& epochs = archive_.signed_epochs();
    const auto is_new = [&](base::Epoch epoch) { return !compared || *compared < epoch; };
    const auto ask = [](base::Epoch epoch, std::string_view signed_text) {
        return Comparison{epoch,
                          {"GET",
                           "/document/" + std::to_string(epoch.value),
                           {},
                           directory::etag(epoch, signed_text),
                           node::https::Coding::zstd}};
    };
    std::optional<Comparison> made;
    if (!epochs.empty() && is_new(*epochs.rbegin()))
        attempt([&] {
            const auto text = archive_.document(*epochs.rbegin()).value();
            made = ask(*epochs.rbegin(), directory::signed_part(text));
        });
    else if (const auto own = driver_.outvoted(); own && is_new(own->first))
        made = ask(own->first, own->second);
    return made;
}

void Member::log_difference(const std::string& from, const directory::Document& theirs) {
    const auto own = driver_.outvoted();
    if (!own || own->first != theirs.epoch || differs_ == theirs.epoch) return;
    differs_ = theirs.epoch;
    log(Level::warning, "this authority has signed another document of epoch " +
                            std::to_string(theirs.epoch.value) +
                            " than the quorum, whose document " + from +
                            " has: they differ first in `" +
                            core::first_difference(own->second, directory::signed_text(theirs)) +
                            "`; configure this authority as the others, and run the same version");
}

void Member::take_document(const std::string& from, const std::string& body) {
    const auto other = directory::parse(body);
    const auto& anchors = network_.anchors;
    if (!other || !directory::check(*other, anchors, other->valid_from, other->epoch)) return;
    attempt([&] {
        const auto text = archive_.document(other->epoch);
        if (!text) log_difference(from, *other);
        const auto ours = text ? directory::parse(*text) : base::Fail{directory::ParseError{}};
        if (!ours) return;
        if (const auto alarm = evidence_.compare(*ours, *other)) log(Level::error, *alarm);
    });
}

}  // namespace nightjar::relay::authority

#include "relay/authority/authority.hpp"

#include <algorithm>

#include "relay/authority/answers.hpp"
#include "relay/authority/signing.hpp"
#include "relay/authority/status_file.hpp"
#include "sphinx/directory/lint.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::authority {

using node::https::Answer;
using node::https::Request;
using node::process::Level;
using node::process::log;

namespace {

constexpr base::Seconds settle_max{30};

std::string number(base::Epoch epoch) {
    return std::to_string(epoch.value);
}

}  // namespace

Authority::Authority(fs::path folder, Settings settings, base::Wall now)
    : folder_{std::move(folder)},
      settings_{std::move(settings)},
      seed_{node::files::read_key(folder_ / "authority.key", node::files::KeyKind::authority)},
      authority_{node::files::ed25519_public(seed_)},
      service_{node::files::ed25519_public(
          node::files::read_key(folder_ / "service.key", node::files::KeyKind::service))},
      archive_{folder_},
      registry_{settings_.open},
      reach_{length()},
      started_{now} {
    registry_.admit(load_admitted(folder_ / "admitted"));
    const auto current = directory::epoch_at(now, length());
    // A descriptor of a relay that was expelled, or of an epoch that is over, is refused here.
    for (const auto& text : archive_.descriptors())
        static_cast<void>(registry_.offer(text, current, {}));
}

base::Milliseconds Authority::settle_time() const {
    return std::min<base::Milliseconds>(settle_max, base::Milliseconds{length()} / 8);
}

void Authority::trouble(const std::string& line) {
    if (line.empty() || line == trouble_) return;
    log(Level::warning, line);
    trouble_ = line;
}

void Authority::read_list() {
    std::error_code absent;
    const auto stamp = fs::last_write_time(folder_ / "admitted", absent);
    if (stamp == list_read_) return;
    registry_.admit(load_admitted(folder_ / "admitted"));
    list_read_ = stamp;
}

void Authority::tick(base::Wall now) {
    const auto current = directory::epoch_at(now, length());
    std::string problems;
    try {
        const auto described = [this](base::Epoch epoch) { return registry_.described(epoch); };
        if (reach_.look(archive_, described, now)) registry_.state_unreachable(reach_.stated());
        read_list();  // it may be unreadable until the operator mends it
        registry_.forget_before(current);
        archive_.forget_descriptors_before(current);
        last_change_.erase(last_change_.begin(), last_change_.lower_bound(current));
        refused_.erase(refused_.begin(), refused_.lower_bound(current));
    } catch (const std::exception& error) {
        problems = error.what();
    }
    for (const auto epoch : {current, current.next()}) {
        try {
            if (due(epoch, now)) sign(epoch, now);
        } catch (const std::exception& error) {
            problems += (problems.empty() ? "" : "; ") + std::string{error.what()};
        }
    }
    trouble(problems);
}

bool Authority::due(base::Epoch epoch, base::Wall now) const {
    if (archive_.signed_epochs().contains(epoch)) return false;
    if (now < directory::epoch_start(epoch, length()) - base::Milliseconds{length()} / 2)
        return false;
    if (const auto refused = refused_.find(epoch);
        refused != refused_.end() && refused->second == registry_.changes())
        return false;
    if (registry_.complete(epoch)) return true;
    const auto changed = last_change_.find(epoch);
    return now >= (changed == last_change_.end() ? started_ : changed->second) + settle_time();
}

/// Better a document without strangers, or with relays that do not answer, than none: strangers
/// could crowd a layer.
Registry::Draft Authority::draft(base::Epoch epoch) const {
    const auto terms = settings_.terms.document_of(epoch);
    using Which = Registry::Unreachable;
    auto draft = registry_.build(terms);
    for (const auto which : {Which::left_out, Which::listed}) {
        if (which == Which::listed && !registry_.states_unreachable()) break;
        for (const bool strangers : {true, false}) {
            if (!strangers && !settings_.open.open()) break;
            draft = registry_.build(terms, which, strangers);
            if (directory::lint(draft.document).empty()) return draft;
        }
    }
    return draft;
}

void Authority::sign(base::Epoch epoch, base::Wall now) {
    ++drafts_;
    auto draft = this->draft(epoch);
    std::string problems;
    for (const auto& problem : directory::lint(draft.document))
        problems += "; " + problem;
    if (!problems.empty()) refused_[epoch] = registry_.changes();
    if (!problems.empty())
        throw node::process::ConfigError{"the document of epoch " + number(epoch) +
                                         " cannot be signed yet" + problems};
    directory::sign(draft.document, seed_);
    const auto text = directory::to_text(draft.document);
    check_as_a_client(draft.document, anchors_of(settings_, authority_, service_).anchors, now);
    archive_.keep_document(epoch, text);
    log(Level::info, "signed the document of epoch " + number(epoch) + ": " +
                         std::to_string(draft.document.relays.size()) + " relays of " +
                         std::to_string(registry_.admitted().size()) + " admitted");
    trouble_.clear();
    for (const auto& sentence : draft.left_out)
        log(Level::warning, sentence);
    write_anchors(draft.document);
    write_status_file(
        folder_, draft.document,
        {{authority_}, std::move(draft.left_out), now, &reach_.tries(), settings_.terms.change},
        registry_, {});
    archive_.keep_listed(draft.document, archive_.descriptors());
}

/// With the gateways of this document: a new client starts from one of them.
void Authority::write_anchors(const directory::Document& document) const {
    auto file = anchors_of(settings_, authority_, service_);
    file.anchors.gateways = gateways_of(document);
    node::config::save_anchors_file(folder_ / "network.yaml", file);
}

Answer Authority::answer(const Request& request, base::Wall now) {
    auto routed = route(request);
    if (routed.what == Routed::What::descriptor) return take_descriptor(request, now);
    if (routed.what == Routed::What::document)
        return document_answer(archive_, pages_, request, length(), now);
    return std::move(routed.refusal);
}

Answer Authority::take_descriptor(const Request& request, base::Wall now) {
    const auto& text = request.body;
    const auto current = directory::epoch_at(now, length());
    const auto taken = registry_.offer(text, current, archive_.signed_epochs(), request.from);
    if (!taken) return line(taken.error().status, taken.error().reason);
    reach_.hear(text);
    if (taken->fresh) {
        // One stranger after the other must not delay a document.
        if (taken->first && registry_.lists(taken->identity)) last_change_[taken->epoch] = now;
        archive_.keep_descriptor(taken->epoch, taken->identity, text);
    }
    return line(200, "the descriptor of " + taken->name + " for epoch " + number(taken->epoch) +
                         " is here" + reach_.remark(taken->identity));
}

}  // namespace nightjar::relay::authority

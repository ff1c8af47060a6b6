#include "relay/doctor/network_rules.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "relay/operation/startup.hpp"
#include "sphinx/base/address.hpp"

namespace nightjar::relay::doctor {

namespace {

constexpr auto clock_good = operation::clocks_alike;
constexpr base::Milliseconds clock_bad{30'000};  // half of what the keys' times allow

const std::string keep_the_clock =
    "install chrony (or enable systemd-timesyncd), and wait until "
    "`timedatectl` says that the clock is synchronized";

std::uint64_t listed(const directory::Document& document, directory::Role role, int layer) {
    return static_cast<std::uint64_t>(std::count_if(
        document.relays.begin(), document.relays.end(),
        [&](const auto& relay) { return relay.role == role && relay.layer == layer; }));
}

/// The relays that dial this one.
std::uint64_t dialling(const operation::RelayConfig& config, const directory::Document& document) {
    using directory::Role;
    if (config.role == Role::gateway) return listed(document, Role::mix, document.layers());
    if (config.layer == 1) return listed(document, Role::gateway, 0);
    return listed(document, Role::mix, config.layer - 1);
}

std::optional<base::IpAddress> address_of(const directory::Endpoint& endpoint) {
    return base::IpAddress::parse(endpoint.host);
}

/// "its clock", or what the answers are together.
std::string named(const ClockFacts& facts) {
    const auto answers = facts.answers.size();
    if (facts.authorities == 1) return "the authority's clock";
    const auto of = " of " + std::to_string(facts.authorities) + " authorities";
    if (answers == 1)
        return "the clock of " + facts.answers.front().address + ", the only one" + of +
               " that answered";
    return "the median of the clocks of " + std::to_string(answers) + of;
}

/// The authorities whose clocks differ from the middle one, "A (5.0 s behind)"; empty: none.
std::string outliers(const ClockFacts& facts, base::Milliseconds middle) {
    std::string text;
    for (const auto& [address, time] : facts.answers) {
        // Ahead of the authority's clock means that the authority's is behind.
        const auto behind = operation::ahead(time) - middle;
        const auto size = std::chrono::abs(behind);
        if (size <= clock_good) continue;
        text += (text.empty() ? "" : ", ") + address + " (" + operation::difference_words(size) +
                (behind.count() > 0 ? " behind" : " ahead") + ")";
    }
    return text;
}

/// By at least one answer.
Finding clock_by(const ClockFacts& facts) {
    std::vector<base::Milliseconds> offsets;
    for (const auto& answer : facts.answers)
        offsets.push_back(operation::ahead(answer.time));
    const auto off = operation::median(std::move(offsets));
    const auto size = std::chrono::abs(off);
    auto seen = operation::difference_words(size) + (off.count() > 0 ? " ahead of " : " behind ") +
                named(facts);
    if (size <= clock_good)
        seen = "within " + operation::difference_words(clock_good) + " of " + named(facts);
    const auto others = outliers(facts, off);
    std::string mend;
    if (size > clock_good) mend = keep_the_clock;
    if (!others.empty()) {
        // Of two, either may be the wrong one.
        seen += facts.answers.size() == 2 ? "; the two differ: " : "; not as the others: ";
        seen += others;
        mend += (mend.empty() ? "" : "; ") + std::string{"tell the operator of "} + others +
                " to look at its clock";
    }
    if (size > clock_bad) return bad("clock", seen, mend);
    if (!mend.empty()) return warn("clock", seen, mend);
    return ok("clock", seen);
}

}  // namespace

Finding clock(const ClockFacts& facts) {
    if (facts.jumped)
        return bad("clock", "the clock was set, and the relay does not believe it",
                   "set it right; if it is right now: `nightjar-relay confirm-clock`");
    if (facts.authorities == 0)
        return facts.kept
                   ? ok("clock", "a program keeps it right; the anchors name no authority to ask")
                   : warn("clock",
                          "nothing keeps it right, and the anchors name no authority to ask",
                          keep_the_clock);
    if (facts.answers.empty())
        return warn(
            "clock", "no authority answered: " + facts.silence,
            "look at the network connection and the firewall; ask the authority's operator");
    return clock_by(facts);
}

Finding clock_kept(const ClockFacts& facts) {
    if (facts.kept) return ok("clock_kept", "a program keeps the clock right");
    return warn("clock_kept", "no program keeps the clock right", keep_the_clock);
}

Finding document(const directory::Document& document, base::Wall now, bool next_is_here) {
    const auto epoch = "the document of epoch " + std::to_string(document.epoch.value);
    const auto until = base::utc_text(document.valid_until);
    // The next one is signed half an epoch before it begins.
    const auto left = document.valid_until - now;
    if (left < document.parameters.epoch_length / 2 && !next_is_here)
        return warn("document", epoch + " ends at " + until + ", and no newer one is here",
                    "put the next one there; if the anchors name a service, see the log for why it "
                    "was not fetched");
    return ok("document", epoch + " is valid until " + until);
}

Finding version(const directory::Document& document) {
    const std::string mine = operation::program_version;
    if (operation::version_recommended(document))
        return ok("version", mine + ", and the document recommends no other");
    std::string wanted;
    for (const auto& one : document.recommended_versions)
        wanted += (wanted.empty() ? "" : ", ") + one;
    return warn("version", mine + ", and the document recommends " + wanted,
                "update nightjar-relay; docs/changelog.md says how");
}

namespace {

/// An authority that takes a descriptor says behind "; but " what it found wrong with the relay
/// (docs/directory.md, "The service").
std::string remark_of(const nlohmann::json& status) {
    const auto authority = status.find("authority");
    if (authority == status.end() || !authority->is_object()) return {};
    const auto accepted = authority->find("accepted"), said = authority->find("said");
    if (accepted == authority->end() || *accepted != true || said == authority->end() ||
        !said->is_string())
        return {};
    constexpr std::string_view but = "; but ";
    const auto line = said->get<std::string>();
    const auto at = line.find(but);
    return at == line.npos ? std::string{} : line.substr(at + but.size());
}

}  // namespace

std::optional<Running> parse_status(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("state") || !json["state"].is_string())
        return std::nullopt;
    const auto number = [&](const char* key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>()
                                                                  : std::uint64_t{0};
    };
    const auto flag = [&](const char* key, bool otherwise) {
        const auto found = json.find(key);
        return found != json.end() && found->is_boolean() ? found->get<bool>() : otherwise;
    };
    Running relay;
    relay.state = json["state"].get<std::string>();
    relay.next_relays = number("next_relays");
    relay.next_relays_up = number("next_relays_up");
    relay.previous_relays_up = number("previous_relays_up");
    relay.descriptors_max = number("descriptors_max");
    if (const auto test = json.find("self_test"); test != json.end() && test->is_object())
        if (const auto rate = test->find("unwraps_per_second");
            rate != test->end() && rate->is_number_unsigned())
            relay.packets_per_second = rate->get<std::uint64_t>();
    relay.memory_locked = flag("keys_locked_in_memory", true);
    relay.reload_ok = flag("reload_ok", true);
    relay.loops_missing = flag("loops_missing", false);
    relay.answering = flag("answering", false);
    relay.replay_filter_full = flag("replay_filter_full", false);
    relay.replay_room_short = flag("replay_room_short", false);
    const auto authority = json.find("authority");
    if (authority != json.end() && authority->is_object() && authority->contains("said") &&
        (*authority)["said"].is_string() && authority->value("descriptor_epoch", 0) != 0 &&
        authority->value("accepted", true) == false)
        relay.authority = (*authority)["said"].get<std::string>();
    relay.remark = remark_of(json);
    return relay;
}

Findings running(const std::optional<Running>& relay) {
    if (!relay) return {warn("relay", "no relay answers", "start it with `nightjar-relay run`")};
    Findings found;
    if (relay->state == "active")
        found.push_back(ok("relay", "it runs and is active"));
    else if (relay->state == "starting" || relay->state == "draining")
        found.push_back(warn("relay", "its state is " + relay->state,
                             "wait; if it stays so, look at `status` and the log"));
    else
        found.push_back(
            bad("relay", "its state is " + relay->state, "look at `status` and the log"));
    if (!relay->authority.empty())
        found.push_back(bad("authority", "it does not take the descriptor: " + relay->authority,
                            "send it this relay's identity, or do what it says"));
    if (!relay->remark.empty())
        found.push_back(bad("authority", relay->remark,
                            "open the ports of `announce` in the firewall, at the router and at "
                            "the hoster"));
    if (!relay->reload_ok)
        found.push_back(bad("reload", "the last reload was refused",
                            "`nightjar-relay check`, mend the file, then reload again"));
    if (relay->replay_filter_full || relay->replay_room_short)
        found.push_back(warn("replay_filters", "they are too small for this load",
                             "raise `packets_per_second` and give the tmpfs as much more"));
    if (relay->answering)
        found.push_back(bad("loops", "packets to this relay are withheld",
                            "see docs/operating.md, withheld packets"));
    else if (relay->loops_missing)
        found.push_back(warn("loops", "too many of its loops do not come back",
                             "look at the machine's load, then ask whether another relay is down"));
    return found;
}

Finding reachable(const std::optional<Running>& relay, const operation::RelayConfig& config,
                  const directory::Document& document) {
    const auto expected = dialling(config, document);
    if (!relay || relay->state == "starting")
        return warn("reachable", "not known: links of other relays show it while the relay runs",
                    "start the relay, and ask again after a minute");
    const auto seen = std::to_string(relay->previous_relays_up) + " of " +
                      std::to_string(expected) + " relays of the layer before have a link to it";
    std::string ports;
    for (const auto& address : config.announced())
        ports += (ports.empty() ? "" : ", ") + directory::to_text(address);
    const auto mend = "let others connect to " + ports +
                      " (firewall, router, hoster's panel); a relay that has just started needs a "
                      "minute";
    if (expected > 0 && relay->previous_relays_up == 0) return bad("reachable", seen, mend);
    if (2 * relay->previous_relays_up < expected) return warn("reachable", seen, mend);
    return ok("reachable", seen);
}

Finding dials(const std::optional<Running>& relay) {
    if (!relay || relay->state == "starting")
        return warn("dials", "not known while the relay does not run", "start the relay");
    const auto seen = "links to " + std::to_string(relay->next_relays_up) + " of " +
                      std::to_string(relay->next_relays) + " relays of the next layer";
    const auto mend =
        "let the relay open TCP connections to other relays (firewall); if one relay "
        "is missing, that one is down";
    if (relay->next_relays > 0 && relay->next_relays_up == 0) return bad("dials", seen, mend);
    if (2 * relay->next_relays_up < relay->next_relays) return warn("dials", seen, mend);
    return ok("dials", seen);
}

Finding addresses(const operation::RelayConfig& config, bool lab) {
    std::string local;
    for (const auto& endpoint : config.announced()) {
        const auto address = address_of(endpoint);
        if (!address || base::is_public(*address)) continue;
        local += (local.empty() ? "" : ", ") + directory::to_text(endpoint);
    }
    if (local.empty()) return ok("addresses", "all announced addresses are public");
    if (lab) return ok("addresses", "a lab network announces " + local);
    return bad("addresses", "the internet cannot reach " + local,
               "set `announce` to the addresses that others see");
}

std::optional<Finding> announced_names(const operation::RelayConfig& config,
                                       std::span<const directory::Endpoint> stated) {
    if (config.announce_names.empty()) return std::nullopt;
    const auto listed = [](std::span<const directory::Endpoint> endpoints) {
        std::set<std::string> texts;
        for (const auto& endpoint : endpoints)
            texts.insert(directory::to_text(endpoint));
        std::string text;
        for (const auto& one : texts)
            text += (text.empty() ? "" : ", ") + one;
        return text;
    };
    const auto now = listed(config.announced());
    const auto then = listed(stated);
    if (now == then) return ok("announce", "its names stand for " + now);
    return bad("announce",
               "its names stand for " + now + ", and the relay has stated " +
                   (then.empty() ? "nothing yet" : then),
               "restart the relay, so that it states its present addresses");
}

Finding ipv6(const operation::RelayConfig& config, std::span<const base::IpNetwork> host) {
    const auto& announced = config.announced();
    const bool announces = std::any_of(announced.begin(), announced.end(), [](const auto& one) {
        const auto address = address_of(one);
        return address && address->v6 && !address->is_loopback();
    });
    const bool has = std::any_of(host.begin(), host.end(), [](const auto& network) {
        return network.address.v6 && base::is_public(network.address);
    });
    if (announces && !has)
        return bad("ipv6",
                   "the relay announces an IPv6 address, and this machine has no public one",
                   "give the machine the address, or take it out of `announce` and `listen`");
    if (announces) return ok("ipv6", "announced, and this machine has it");
    return ok("ipv6", has ? "this machine has it, the relay does not announce it"
                          : "this machine has none, the relay announces none");
}

}  // namespace nightjar::relay::doctor

#include "relay/authority/terms.hpp"

#include <algorithm>
#include <cmath>

#include "sphinx/directory/announcement.hpp"
#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/lint.hpp"

namespace nightjar::relay::authority {

using directory::Parameters;
using directory::Rate;
using node::config::YamlMap;
using node::config::YamlValue;

namespace {

/// Reads a number with up to three decimals: the document stores thousandths.
std::uint32_t thousandths_of(YamlMap& map, const char* key, double fallback, double least,
                             double most) {
    const auto value = 1000 * map.optional<double>(key, fallback, {least, most});
    const auto whole = std::round(value);
    if (std::abs(value - whole) > 1e-6)
        map.fail(key, "a number with more than three decimals", "round it");
    return static_cast<std::uint32_t>(whole);
}

/// Reads a rate per second.
Rate rate_of(YamlMap& map, const char* key, Rate fallback) {
    return {thousandths_of(map, key, fallback.per_second(), 0.001, 10'000)};
}

/// The law of mixing, and only the parameters that it has: others are unknown keys.
directory::Mixing mixing_of(YamlMap& map, base::Milliseconds mean_delay) {
    using directory::MixLaw;
    directory::Mixing mixing;
    mixing.law = map.word<MixLaw>("mixing",
                                  {{"poisson", MixLaw::poisson},
                                   {"timed-pool", MixLaw::timed_pool},
                                   {"threshold", MixLaw::threshold}},
                                  MixLaw::poisson);
    if (mixing.law == MixLaw::timed_pool) {
        mixing.interval = map.optional<base::Milliseconds>(
            "mixing_interval", std::max(mean_delay / 2, base::Milliseconds{1}));
        mixing.keep = map.optional<std::uint32_t>("mixing_keep", 1);
    }
    if (mixing.law == MixLaw::threshold)
        mixing.packets = map.optional<std::uint32_t>("mixing_packets", 20);
    return mixing;
}

/// If only U is given, the other rates are derived from it as in the example of the traffic law.
Parameters parameters_of(YamlMap map) {
    Parameters p;
    p.lab = map.optional<bool>("lab", p.lab);
    p.epoch_length = map.optional<base::Seconds>("epoch_length", p.epoch_length);
    p.main_slots = rate_of(map, "main_slots", p.main_slots);
    p.client_loops = rate_of(map, "client_loops", {std::max(p.main_slots.milli / 10, 1u)});
    p.replies =
        rate_of(map, "replies", {std::max(p.main_slots.milli - p.main_slots.milli / 10, 1u)});
    p.mean_delay = map.optional<base::Milliseconds>(
        "mean_delay", std::max(p.mean_delay, directory::least_mean_delay(p)));
    p.mixing = mixing_of(map, p.mean_delay);
    p.down = rate_of(map, "down", directory::least_down(p));
    p.relay_loops = rate_of(map, "relay_loops", p.relay_loops);
    p.surb_margin = map.optional<std::uint32_t>("surb_margin", p.surb_margin);
    p.fixed_hops = map.optional<std::uint32_t>("fixed_hops", p.fixed_hops);
    p.session_lifetime = map.optional<base::Seconds>("session_lifetime", p.session_lifetime);
    p.session_grid = map.optional<base::Seconds>("session_grid", p.session_grid);
    p.exit_room = thousandths_of(map, "exit_room", p.exit_room / 1000.0, 0, 4);
    map.done();
    return p;
}

std::vector<std::string> versions_of(YamlMap& map) {
    std::vector<std::string> versions;
    for (const auto& value : map.list("recommended_versions")) {
        versions.push_back(value.as<std::string>());
        if (!directory::is_version(versions.back()))
            value.fail("not a version", "use at most 32 of a-z, 0-9, '.', '+' and -");
        if (std::count(versions.begin(), versions.end(), versions.back()) > 1)
            value.fail("a version is listed twice", "keep one of the two");
    }
    return versions;
}

/// Why no document can have these lines; empty: it can.
std::string fault_of(const directory::OptionalLines& lines) {
    std::string text;
    directory::put_optional(text, "optional.", lines);
    directory::FieldReader reader{text, directory::document_text_max};
    const auto taken =
        directory::take_optional(reader, "optional.", directory::optional_of_document);
    reader.finish();
    if (!reader.ok()) return reader.error().reason;
    return taken != lines ? "one is not a line" : "";
}

/// Lines that a later version's programs know, each with a `name` and a `value`. The document's
/// parser decides whether it takes them.
directory::OptionalLines optional_of(YamlMap& map) {
    directory::OptionalLines lines;
    const auto values = map.list("optional");
    for (const auto& value : values) {
        auto line = value.map();
        lines.push_back({line.required<std::string>("name"), line.required<std::string>("value")});
        line.done();
    }
    sort(lines);
    if (const auto fault = fault_of(lines); !fault.empty())
        values.front().fail("no document can have these lines: " + fault,
                            "see docs/directory.md, \"Optional lines\"");
    if (!directory::value_of(lines, directory::announcement_name).empty())
        values.front().fail("an authority writes this line itself",
                            "use `from_epoch` and `from_epoch_parameters`");
    return lines;
}

/// The whole set that holds from that epoch on. `epoch_length` and `lab` cannot change with it: an
/// epoch's number follows from the length, and a laboratory gives no anonymity.
std::optional<core::ParameterChange> change_of(YamlMap& map, const Parameters& now) {
    const auto from = map.optional<std::uint32_t>("from_epoch", 0);
    if (from == 0) return std::nullopt;
    core::ParameterChange change{{from}, parameters_of(map.map("from_epoch_parameters"))};
    if (change.parameters.epoch_length != now.epoch_length || change.parameters.lab != now.lab)
        map.fail("from_epoch_parameters", "`epoch_length` and `lab` cannot change",
                 "give the same as in `parameters`");
    // Now, and not in that epoch: then no authority could sign a document.
    if (const auto problems = directory::lint_parameters(change.parameters); !problems.empty())
        map.fail("from_epoch_parameters", "no document may have them: " + problems.front(),
                 "see docs/parameters.md");
    return change;
}

}  // namespace

std::string word_of(const YamlValue& value) {
    const auto text = value.as<std::string>();
    if (!text.empty() && !directory::is_word(text))
        value.fail("not a valid word", "use at most 32 of a-z, 0-9 and -");
    return text;
}

Terms read_terms(YamlMap& map) {
    Terms terms;
    const auto name = map.at("network");
    terms.network = word_of(name);
    if (terms.network.empty()) name.fail("the network has no name", "give it a name");
    terms.parameters = parameters_of(map.map("parameters"));
    terms.recommended_versions = versions_of(map);
    terms.optional = optional_of(map);
    if (terms.parameters.epoch_length < base::Seconds{1})
        map.fail("parameters", "the epoch length is under 1 s", "give `epoch_length`");
    terms.change = change_of(map, terms.parameters);
    if (terms.change) {
        const auto announced =
            core::with_announcement(terms.optional, terms.change, {terms.change->from.value - 1});
        if (const auto fault = fault_of(announced); !fault.empty())
            map.fail("from_epoch", "the change cannot be announced: " + fault,
                     "take a line out of `optional`");
    }
    return terms;
}

directory::Document Terms::document_of(base::Epoch epoch) const {
    directory::Document document;
    document.network = network;
    document.parameters = change && epoch >= change->from ? change->parameters : parameters;
    document.recommended_versions = recommended_versions;
    document.optional = core::with_announcement(optional, change, epoch);
    document.epoch = epoch;
    document.valid_from = directory::epoch_start(epoch, parameters.epoch_length);
    document.valid_until = document.valid_from + 2 * parameters.epoch_length;
    return document;
}

}  // namespace nightjar::relay::authority

#include "sphinx/directory/parameter_fields.hpp"

#include <algorithm>
#include <array>

#include "sphinx/directory/key_times.hpp"

namespace nightjar::directory {

namespace {

constexpr std::uint64_t rate_max = 10'000'000;  // 10,000 a second

bool always(const Parameters&) {
    return true;
}
/// For a parameter that a network may leave out.
template <auto member>
bool not_zero(const Parameters& parameters) {
    return parameters.*member != 0;
}
template <MixLaw law>
bool only(const Parameters& parameters) {
    return parameters.mixing.law == law;
}

template <Rate Parameters::*member>
constexpr ParameterField rate(std::string_view name) {
    return {
        name,
        1,
        rate_max,
        [](const Parameters& p) -> std::uint64_t { return (p.*member).milli; },
        [](Parameters& p, std::uint64_t v) { (p.*member).milli = static_cast<std::uint32_t>(v); },
        always};
}

template <auto member>
constexpr ParameterField count(std::string_view name, std::uint64_t min, std::uint64_t max) {
    return {name,
            min,
            max,
            [](const Parameters& p) { return static_cast<std::uint64_t>(p.*member); },
            [](Parameters& p, std::uint64_t v) {
                p.*member = static_cast<std::remove_reference_t<decltype(p.*member)>>(v);
            },
            always};
}

template <auto member>
constexpr ParameterField duration(std::string_view name, std::uint64_t min, std::uint64_t max) {
    return {name,
            min,
            max,
            [](const Parameters& p) { return static_cast<std::uint64_t>((p.*member).count()); },
            [](Parameters& p, std::uint64_t v) {
                using Duration = std::remove_reference_t<decltype(p.*member)>;
                p.*member = Duration{static_cast<typename Duration::rep>(v)};
            },
            always};
}

/// The law, as a number; the lines of its own parameters follow.
constexpr ParameterField mixing_law{
    "parameter.mixing",
    1,
    2,
    [](const Parameters& p) { return static_cast<std::uint64_t>(p.mixing.law); },
    [](Parameters& p, std::uint64_t v) { p.mixing.law = static_cast<MixLaw>(v); },
    [](const Parameters& p) { return p.mixing.law != MixLaw::poisson; },
    true};
static_assert(static_cast<int>(MixLaw::timed_pool) == 1 &&
              static_cast<int>(MixLaw::threshold) == 2);

template <auto member, MixLaw law>
constexpr ParameterField mixing(std::string_view name, std::uint64_t min, std::uint64_t max) {
    return {
        name,
        min,
        max,
        [](const Parameters& p) { return static_cast<std::uint64_t>(p.mixing.*member); },
        [](Parameters& p, std::uint64_t v) { p.mixing.*member = static_cast<std::uint32_t>(v); },
        only<law>};
}

constexpr ParameterField mixing_interval{
    "parameter.mixing-interval-ms",
    1,
    60'000,
    [](const Parameters& p) { return static_cast<std::uint64_t>(p.mixing.interval.count()); },
    [](Parameters& p, std::uint64_t v) {
        p.mixing.interval = base::Milliseconds{static_cast<std::int64_t>(v)};
    },
    only<MixLaw::timed_pool>};

constexpr ParameterField exit_room{
    "parameter.exit-room-per-1000",
    1,
    4000,
    [](const Parameters& p) { return std::uint64_t{p.exit_room}; },
    [](Parameters& p, std::uint64_t v) { p.exit_room = static_cast<std::uint32_t>(v); },
    not_zero<&Parameters::exit_room>,
    true};

constexpr std::array facts{
    rate<&Parameters::client_loops>("parameter.client-loops-per-1000s"),
    rate<&Parameters::down>("parameter.down-per-1000s"),
    duration<&Parameters::epoch_length>("parameter.epoch-length-s", lab_epoch_length_least.count(),
                                        7 * 86'400),
    exit_room,
    count<&Parameters::fixed_hops>("parameter.fixed-hops", 0, 3),
    count<&Parameters::lab>("parameter.lab", 0, 1),
    rate<&Parameters::main_slots>("parameter.main-slots-per-1000s"),
    duration<&Parameters::mean_delay>("parameter.mean-delay-ms", 1, 60'000),
    mixing_law,
    mixing_interval,
    mixing<&Mixing::keep, MixLaw::timed_pool>("parameter.mixing-keep", 0, 10'000),
    mixing<&Mixing::packets, MixLaw::threshold>("parameter.mixing-packets", 2, 10'000),
    rate<&Parameters::relay_loops>("parameter.relay-loops-per-1000s"),
    rate<&Parameters::replies>("parameter.replies-per-1000s"),
    duration<&Parameters::session_grid>("parameter.session-grid-s", 1, 3600),
    duration<&Parameters::session_lifetime>("parameter.session-lifetime-s", 10, 7 * 86'400),
    count<&Parameters::surb_margin>("parameter.surb-margin", 1, 100'000),
};
static_assert(std::is_sorted(facts.begin(), facts.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));

}  // namespace

std::span<const ParameterField> parameter_fields() {
    return facts;
}

void put_parameters(std::string& text, const Parameters& parameters) {
    for (const auto& fact : facts)
        if (fact.present(parameters)) put_field(text, fact.name, fact.get(parameters));
}

Parameters take_parameters(FieldReader& reader) {
    Parameters parameters;
    for (const auto& fact : facts) {
        const bool chosen = fact.optional && reader.next_is(fact.name);
        if (chosen || fact.present(parameters))
            fact.set(parameters, reader.number(fact.name, fact.min, fact.max));
    }
    return parameters;
}

bool within_bounds(const Parameters& parameters) {
    return std::all_of(facts.begin(), facts.end(), [&parameters](const auto& fact) {
        const auto value = fact.get(parameters);
        return !fact.present(parameters) || (value >= fact.min && value <= fact.max);
    });
}

}  // namespace nightjar::directory

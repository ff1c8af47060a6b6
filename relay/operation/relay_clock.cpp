#include "relay/operation/relay_clock.hpp"

#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::operation {

using node::process::Level;
using node::process::log;

RelayClock::RelayClock(const std::filesystem::path& runtime_dir)
    : guard_{node::process::read_clocks(), keys::read_clock_record(runtime_dir).difference} {}

keys::KeyTime RelayClock::key_time() {
    const auto wall = now();
    return {wall, guard_.last().boot, guard_.jumped()};
}

std::optional<StatusFacts::Jump> RelayClock::jump() const {
    if (!guard_.jumped()) return std::nullopt;
    return StatusFacts::Jump{guard_.last().wall, guard_.kept()};
}

bool RelayClock::confirm() {
    now();
    if (!guard_.jumped()) return false;
    guard_.confirm();
    log(Level::warning, "the operator has confirmed this machine's clock, which says " +
                            base::utc_text(guard_.kept()));
    return true;
}

void RelayClock::log_state(core::State state, base::Wall document_end) {
    const bool fine = state == core::State::active || state == core::State::draining;
    const auto kept = now();
    auto line = std::string{"state "} + core::state_names[static_cast<std::size_t>(state)] +
                "; this machine's clock says " + base::utc_text(guard_.last().wall);
    if (state == core::State::clock_jumped)
        line += ", the relay goes by " + base::utc_text(kept) +
                " until the clock has stood for ten minutes or `nightjar-relay confirm-clock` "
                "says that it is right";
    log(fine ? Level::info : Level::warning,
        line + ", the network document ends at " + base::utc_text(document_end));
}

}  // namespace nightjar::relay::operation

// What is wrong with a client that cannot work now, and what its user can do about it
// (docs/client.md, "When it does not work"). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/core/loop_watch.hpp"
#include "client/protocol/status_report.hpp"
#include "sphinx/node/link/link_error.hpp"

namespace nightjar::client::operation {

/// The process did not run for `length`: its machine was suspended, or it was stopped.
struct Suspend {
    base::Mono ended{};
    base::Nanoseconds length{};
};

/// After a suspend the status names it for this time.
inline constexpr base::Seconds suspend_shown{300};
/// An exit forgets a silent session, so a longer suspend ends all connections (docs/client.md).
inline constexpr base::Seconds suspend_survived{120};
/// A gateway that has been away for this time may have left for good.
inline constexpr base::Seconds gateway_gone_after{3600};

/// What a client waits for before anything has failed.
inline constexpr std::string_view first_step = "the network document";

struct Situation {
    base::Mono now{};
    bool has_document = false;
    std::string waiting_for = {};  // why there is no document
    bool link_is_up = false;
    std::optional<node::link::LinkError> failure = {};  // of the last attempt to have a link
    std::optional<base::Mono> down_since = {};
    core::LoopState::Kind loops = core::LoopState::Kind::down;
    std::optional<Suspend> suspend = {};
    bool gateway_missing = false;    // in the newest document
    bool document_withheld = false;  // by the gateway; another one has sent it
    /// Why no exit of the chosen country is used (directory::group_fault).
    std::optional<std::string> exit_country_fault = {};
    bool conflict = false;              // the document in use is one of two of its epoch
    base::Nanoseconds document_left{};  // until the document in use ends
    base::Nanoseconds epoch_length{};
};

/// The most important one. Empty if nothing is wrong.
std::optional<protocol::Problem> problem_in(const Situation& situation);

}  // namespace nightjar::client::operation

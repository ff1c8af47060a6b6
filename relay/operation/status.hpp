// The content of the control socket: its requests and answers are JSON objects of one line. Limits:
// 4 connections, 1 KiB per request, 5 s for the request and 5 s for the answer. I/O thread only,
// except for ask_status().
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "relay/core/counters.hpp"
#include "relay/metrics/month.hpp"
#include "relay/operation/authority_contact.hpp"
#include "relay/operation/config.hpp"
#include "relay/operation/metrics.hpp"
#include "relay/operation/self_test.hpp"
#include "sphinx/directory/descriptor.hpp"
#include "sphinx/node/process/control_socket.hpp"

namespace nightjar::relay::operation {

/// The content of `status`: static facts, the numbers of open links, and the month's traffic by the
/// published windows. Exact counts of traffic only in a lab.
struct StatusFacts {
    std::string name;
    base::NodeId identity;
    std::string role;
    std::uint8_t layer = 0;
    directory::BuildHash build{};  // of the program that runs
    std::string network;
    std::vector<base::Epoch> key_epochs;
    bool memory_locked = true;
    std::optional<SelfTest> self_test;         // nullopt before the relay has joined its network
    std::uint32_t workers = 0;                 // by the configuration
    std::uint32_t capacity = 1;                // packets a second that the descriptor offers
    std::string country;                       // in the descriptor; empty: none
    std::optional<std::uint64_t> month_cap;    // the operator's `traffic_month`, in bytes
    std::optional<metrics::MonthUse> month{};  // of it; nullopt: there is no cap, or not yet
    StaticFacts facts;
    core::LinkCounts links;  // the number of clients is shown only in a lab
    /// Set while the state is clock_jumped: what the wall clock says, and what the relay goes by.
    struct Jump {
        base::Wall clock;
        base::Wall kept;
    };
    std::optional<Jump> jump;
    std::optional<ClockOpinion> clock{};               // nullopt: no authority has said the time
    std::optional<base::Epoch> parameters_from{};      // the document announces other parameters
    std::optional<AuthorityContact::Facts> authority;  // nullopt: documents come by hand
    node::config::Evidence::Facts evidence{};
    bool replay_room_short = false;  // packets are refused: the filters are made for fewer
    bool replay_filter_full = false;
    std::optional<bool> finds_names;  // of an exit
    std::optional<bool> connects;     // of an exit
    std::optional<core::LabFacts> lab;
};

/// What the configuration and the program say of a relay; the rest has its defaults. Throws what
/// own_build() and own_self_test() throw.
StatusFacts configured(const RelayConfig& config, const base::NodeId& identity);
/// What the document in use says of this relay and its network. A mix's layer: where several
/// authorities agree, they choose it. It is 0 if the relay is a gateway, or is not listed.
void use(StatusFacts& status, const directory::Document& document);

/// One line of JSON, without the line feed.
std::string to_json(const StatusFacts& status);
/// A text for people from the JSON of to_json(); nullopt if `json` is not that.
std::optional<std::string> to_people(const std::string& json);

/// What the control socket's requests call.
struct ControlActions {
    std::function<StatusFacts()> status;
    /// Believes the wall clock. Returns false if it has not jumped.
    std::function<bool()> confirm_clock;
    /// The answer of disclosure.hpp.
    std::function<std::string()> disclose;
};

/// The control socket at `path`. Each request calls one action once. Throws
/// node::process::StartupError.
node::process::ControlSocket status_socket(boost::asio::any_io_executor executor,
                                           std::filesystem::path path, ControlActions actions,
                                           node::process::TaskGroup& tasks);

/// The asker's side: asks a running relay for its status, and waits at most two seconds. nullopt if
/// no relay answers.
std::optional<std::string> ask_status(const std::filesystem::path& path);
/// Tells a running relay that the wall clock is right. Returns false if it had not jumped; nullopt
/// if no relay answers.
std::optional<bool> ask_confirm_clock(const std::filesystem::path& path);

}  // namespace nightjar::relay::operation

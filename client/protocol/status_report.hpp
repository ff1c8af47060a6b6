// What the control socket's `status` and `ping` answer, as JSON text (docs/interface.md). It never
// leaves the machine. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/core/core.hpp"
#include "client/protocol/goodput.hpp"
#include "client/protocol/listener_options.hpp"
#include "client/protocol/stages.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/directory/exit_group.hpp"

namespace nightjar::client::protocol {

/// What is wrong, for the user.
struct Problem {
    std::string name;  // one word for programs
    std::string what;
    std::string mend;
};

/// How much of the first document has come.
struct DocumentProgress {
    std::size_t have = 0;
    std::size_t of = 0;  // bytes
};

/// The user's choice of exits of one country, by the document in use.
struct ExitChoice {
    std::string country;
    directory::ExitGroup group;
};

/// A way in that is open now.
struct OpenListener {
    ListenerOptions::Way way = ListenerOptions::Way::proxy;
    std::string address;             // with the port that was taken, or "unix:" and a path
    bool by_control_socket = false;  // else by the configuration
};

/// What `status` reports in addition to CoreStatus.
struct DaemonStatus {
    base::Mono now{};
    Stages::Rows stages{};
    std::optional<DocumentProgress> progress = {};
    bool started = false;  // it has been ready once
    std::optional<base::Wall> ready_since = {};
    std::string waiting_for = {};
    std::optional<Problem> problem = {};
    bool document_withheld = false;  // another gateway has sent the one in use
    Carried goodput = {};            // bytes a second over the last minute
    Carried carried = {};            // bytes since the start

    bool ready = false;
    std::optional<ExitChoice> exits = {};  // empty: of all countries
    std::string gateway = {};              // its name
    std::string socks = {};                // address and port that applications connect to
    std::vector<OpenListener> listeners = {};
    std::uint64_t slots_unwritten = 0;  // lost because the link's queue was full; never made up
    std::uint64_t down_cells = 0;       // cells from the gateway, padding included
    std::uint64_t links = 0;            // how many times the link to the gateway came up
    std::size_t applications = 0;       // connections to the SOCKS port
    std::uint64_t refused = 0;          // connections refused because a bound was reached
    std::uint64_t literals = 0;         // SOCKS requests for an IP address instead of a host name
};

/// Of a record on the wire, with its cell (docs/link.md).
inline constexpr std::size_t record_size = cell::cell_size + 22;
/// An answer has a bound: CoreStatus may have so many keys at most.
inline constexpr std::size_t keys_listed_max = 64;
/// Of a key's name so many bytes are shown: all of a SOCKS user name, and the begin of an HTTP
/// field, which has no such bound.
inline constexpr std::size_t key_name_max = 255;

/// Each returns one JSON object. `document` provides the relays' names. A client without a document
/// has neither core nor document, and says less.
std::string status_json(const DaemonStatus& daemon, const core::CoreStatus* core,
                        const directory::Document* document);
/// The part that events are about: when it changes, callers hear of it.
std::string state_json(const DaemonStatus& daemon);
/// starting, ready or offline.
const char* state_word(const DaemonStatus& daemon);
std::string ping_json(const core::PingResult& ping, const directory::Document& document);

}  // namespace nightjar::client::protocol

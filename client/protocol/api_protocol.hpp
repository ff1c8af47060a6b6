// The control socket's protocol: one JSON object in each direction (docs/client.md).
//
//   {"method":"status"}          ->  {"ok":true,"result":{…}}
//   {"method":"ping"}            -> {"ok":true,"result":{"round_trip_ms":…,"there":[…],"back":[…]}}
//   anything else                ->  {"ok":false,"error":"…"}
//
// Pure functions. Unknown methods and members are refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/core/core.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::client::protocol::api {

inline constexpr std::size_t line_max = 4096;

enum class Method { status, ping };

/// Parses a line without its newline. The error is the text to send back to the caller.
base::Result<Method, std::string> parse_request(std::string_view line);

/// What `status` reports in addition to CoreStatus.
struct DaemonStatus {
    base::Mono now{};
    bool ready = false;
    std::string network;
    std::string mode;  // "lab" or "production"
    std::uint32_t epoch = 0;
    std::int64_t valid_until = 0;       // seconds since 1970
    std::string gateway;                // its name
    std::string socks;                  // address and port that applications connect to
    std::uint64_t slots_unwritten = 0;  // lost because the link's queue was full; never made up
    std::uint64_t down_cells = 0;       // cells from the gateway, padding included
    std::uint64_t links = 0;            // how many times the link to the gateway came up
    std::size_t applications = 0;       // connections to the SOCKS port
    std::uint64_t refused = 0;          // connections refused because a bound was reached
    std::uint64_t literals = 0;         // SOCKS requests for an IP address instead of a host name
};

/// Each returns one line without its newline. `document` provides the relays' names.
std::string status_line(const DaemonStatus& daemon, const core::CoreStatus& core,
                        const directory::Document& document);
std::string ping_line(const core::PingResult& ping, const directory::Document& document);
std::string error_line(std::string_view error);

/// The lines that `nightjar status` prints. `result`: the member of that name in a status_line().
std::string status_text(std::string_view result);

}  // namespace nightjar::client::protocol::api

// The control socket's language: one JSON object a line, each way (docs/client.md).
//
//   {"method":"status"}          ->  {"ok":true,"result":{…}}
//   {"method":"ping"}            -> {"ok":true,"result":{"round_trip_ms":…,"there":[…],"back":[…]}}
//   anything else                ->  {"ok":false,"error":"…"}
//
// Pure; strict: unknown methods and members are refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/core.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::client::api {

inline constexpr std::size_t line_max = 4096;

enum class Method { status, ping };

/// A line without its newline; the error is a sentence for the answer.
base::Result<Method, std::string> parse_request(std::string_view line);

/// What `status` tells beside the core's own figures.
struct DaemonStatus {
    bool ready = false;
    std::string network;
    std::string mode;  // "lab" or "production"
    std::uint32_t epoch = 0;
    std::int64_t valid_until = 0;       // seconds since 1970
    std::string gateway;                // by name
    std::string socks;                  // where applications connect
    std::uint64_t slots_unwritten = 0;  // the link lay behind: lost, never made up
    std::uint64_t down_cells = 0;       // from the gateway, padding too
    std::uint64_t links = 0;            // how often the link to the gateway stood
    std::size_t applications = 0;       // connections to the SOCKS port
    std::uint64_t literals = 0;         // of them, that named an address instead of a host
};

/// Lines with their newline. `document` gives relays their names.
std::string status_line(const DaemonStatus& daemon, const CoreStatus& core,
                        const directory::Document& document);
std::string ping_line(const PingResult& ping, const directory::Document& document);
std::string error_line(std::string_view error);

}  // namespace nightjar::client::api

// The requests and answers of the control socket: JSON-RPC 2.0 (jsonrpc.org/specification), one
// object a line in each direction. docs/interface.md describes the methods.
//
// There are no batches. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/result.hpp"

namespace nightjar::client::protocol::api {

inline constexpr std::size_t line_max = 4096;
/// Of a request's id as JSON text. Each answer repeats it.
inline constexpr std::size_t id_max = 128;

enum class Method { status, ping, new_identity, events, open_listener, close_listener };

/// Codes of errors. Those below -32100 are JSON-RPC's own.
enum class Code : int {
    parse_error = -32700,
    invalid_request = -32600,
    no_such_method = -32601,
    invalid_params = -32602,
    not_ready = -32000,
    no_answer = -32001,
    no_place = -32002,
    no_listener = -32003,
};

/// Why a request fails.
struct Error {
    Code code;
    std::string message;
};

struct Request {
    Method method;
    /// JSON text. Empty: a notification, which gets no answer.
    std::optional<std::string> id;
    /// open_listener: one JSON object, in which the listener is described as in client.yaml.
    std::string listener = {};
    /// open_listener: it is closed when the caller closes its connection.
    bool with_connection = false;
    /// close_listener: which one.
    std::string address = {};
};

/// Parses a line without its newline. The error is the line to send back; empty if the request is a
/// notification, which gets none.
base::Result<Request, std::string> parse_request(std::string_view line);

/// The lines that answer a request with this id. Each is without its newline. `result`: JSON text.
std::string result_line(const std::string& id, std::string_view result);
std::string error_line(const std::string& id, Code code, std::string_view message);
/// A notification to a caller that asked for events. `params`: a JSON object.
std::string event_line(std::string_view name, std::string_view params);

}  // namespace nightjar::client::protocol::api

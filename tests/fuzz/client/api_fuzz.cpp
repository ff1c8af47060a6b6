// Any bytes from the control socket: a request, or one line that refuses it, or nothing. A listener
// to open has its own reader behind that: it stays on this machine, or one line says why not.
#include "client/protocol/api_protocol.hpp"

#include <cstdlib>

#include "client/operation/listener_config.hpp"
#include "tests/fuzz/depth.hpp"

namespace {

nightjar::fuzz::Depth taken{"a request"};
nightjar::fuzz::Depth notification{"a request without an id"};
nightjar::fuzz::Depth listener{"a listener to open"};
nightjar::fuzz::Depth described{"a listener that may be opened"};
nightjar::fuzz::Depth undescribed{"a listener that is refused"};
nightjar::fuzz::Depth closed{"a listener to close"};
nightjar::fuzz::Depth refused{"JSON that is refused"};
nightjar::fuzz::Depth unanswered{"a notification that is refused without a word"};

void require_line(const std::string& line) {
    if (!line.starts_with(R"({"jsonrpc":"2.0","id":)") || !line.ends_with('}')) std::abort();
    for (const char c : line)
        if (c < ' ' || c > '~') std::abort();
}

void read_listener(const std::string& description) {
    using namespace nightjar::client;
    const auto read = operation::listener_of_json(description, false);
    (read ? described : undescribed).reach();
    if (!read)
        return require_line(
            protocol::api::error_line("1", protocol::api::Code::invalid_params, read.error()));
    const bool socket = read->path.starts_with('/');
    if (!read->path.empty() && !socket) std::abort();
    if (!socket && operation::is_remote(*read)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace nightjar::client::protocol;
    const std::string_view line{reinterpret_cast<const char*>(data), size};
    const auto request = api::parse_request(line);
    if (!request) {
        const auto& answer = request.error();
        if (answer.empty()) unanswered.reach();
        if (answer.find("-32700") == answer.npos && !answer.empty()) refused.reach();
        if (!answer.empty()) require_line(answer);
        return 0;
    }
    if (request->method == api::Method::open_listener) {
        listener.reach();
        if (!request->listener.starts_with('{') || !request->listener.ends_with('}')) std::abort();
        read_listener(request->listener);
    }
    if (request->method == api::Method::close_listener) closed.reach();
    (request->id ? taken : notification).reach();
    if (!request->id) return 0;
    if (request->id->size() > api::id_max) std::abort();
    require_line(api::result_line(*request->id, "{}"));
    require_line(api::error_line(*request->id, api::Code::not_ready, line));
    return 0;
}

// Whatever comes in over the control socket: an answer, never a crash.
#include "client/protocol/api_protocol.hpp"

#include <cstdlib>

#include "tests/fuzz/depth.hpp"

namespace {

nightjar::fuzz::Depth status{"a request for the status"};
nightjar::fuzz::Depth ping{"a request for a ping"};
nightjar::fuzz::Depth refused{"an object with a method that is refused"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace nightjar::client::protocol;
    const std::string_view line{reinterpret_cast<const char*>(data), size};
    const auto request = api::parse_request(line);
    if (request) {
        (*request == api::Method::status ? status : ping).reach();
        return 0;
    }
    if (request.error().starts_with("unknown")) refused.reach();
    const auto answer = api::error_line(request.error());
    if (answer.empty() || answer.find('\n') != answer.npos) std::abort();
    return 0;
}

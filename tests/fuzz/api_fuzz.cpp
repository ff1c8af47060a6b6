// Whatever comes in over the control socket: an answer, never a crash.
#include "client/api_protocol.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace nightjar::client;
    const std::string_view line{reinterpret_cast<const char*>(data), size};
    const auto request = api::parse_request(line);
    if (request) return 0;
    const auto answer = api::error_line(request.error());
    if (answer.empty() || answer.back() != '\n') std::abort();
    return 0;
}

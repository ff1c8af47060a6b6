#include "sphinx/node/process/exit_code.hpp"

#include <cstdio>
#include <exception>
#include <system_error>

#include "sphinx/node/process/log.hpp"

namespace nightjar::node::process {

// No std::string here: this must work when memory has run out.
static int fail(std::string_view program, const char* what, ExitCode code) {
    std::fprintf(stderr, "%.*s: ", static_cast<int>(program.size()), program.data());
    for (const char* c = what; *c != '\0'; ++c) {
        const auto byte = static_cast<unsigned char>(*c);
        std::fputc(byte < 0x20 || byte == 0x7f ? ' ' : byte, stderr);
    }
    std::fputc('\n', stderr);
    return static_cast<int>(code);
}

int run_main(std::string_view program, const std::function<ExitCode()>& body) noexcept {
    try {
        const auto code = body();
        log_left_out();
        return static_cast<int>(code);
    } catch (const StartupError& error) {
        return fail(program, error.what(), error.code());
    } catch (const std::system_error& error) {
        const bool denied = error.code() == std::errc::permission_denied ||
                            error.code() == std::errc::operation_not_permitted;
        return fail(program, error.what(),
                    denied ? ExitCode::key_or_permission : ExitCode::failure);
    } catch (const std::exception& error) {
        return fail(program, error.what(), ExitCode::failure);
    } catch (...) {
        return fail(program, "stopped by an unknown exception", ExitCode::failure);
    }
}

}  // namespace nightjar::node::process

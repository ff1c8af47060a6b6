#include "relay/operation/metrics_access.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "sphinx/node/files/unique_fd.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {
namespace {

using node::process::ExitCode;
using node::process::StartupError;

constexpr std::size_t token_least = 32;
constexpr std::size_t token_most = 256;

bool is_token(const std::string& text) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"-._~+/="}.find(c) != std::string_view::npos;
    };
    return text.size() >= token_least && text.size() <= token_most &&
           std::all_of(text.begin(), text.end(), allowed);
}

std::string read_token(const std::filesystem::path& file) {
    const auto where = "metrics.token_file: " + file.string() + ": ";
    const node::files::UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw StartupError{ExitCode::key_or_permission, where + "it cannot be read"};
    if ((status.st_mode & 0077) != 0)
        throw StartupError{ExitCode::key_or_permission,
                           where + "others may read it; run chmod 600 on it"};
    std::array<char, token_most + 2> bytes{};
    const auto size = ::read(fd.get(), bytes.data(), bytes.size());
    std::string text{bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    if (text.ends_with('\n')) text.pop_back();
    if (!is_token(text))
        throw StartupError{ExitCode::config,
                           where +
                               "it is not one line of 32 to 256 letters and digits; write one with "
                               "openssl rand -hex 32"};
    return text;
}

}  // namespace

HttpAccess metrics_access(const MetricsRules& rules) {
    HttpAccess access{rules.allow, {}};
    if (!rules.token_file.empty()) access.token = read_token(rules.token_file);
    return access;
}

}  // namespace nightjar::relay::operation

#include "relay/operation/metrics_access.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "sphinx/node/files/unique_fd.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {

namespace ssl = boost::asio::ssl;

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

/// Opens a secret that only its owner may read.
node::files::UniqueFd open_secret(const std::filesystem::path& file, const std::string& where) {
    node::files::UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw StartupError{ExitCode::key_or_permission, where + "it cannot be read"};
    if ((status.st_mode & 0077) != 0)
        throw StartupError{ExitCode::key_or_permission,
                           where + "others may read it; run chmod 600 on it"};
    return fd;
}

std::string read_token(const std::filesystem::path& file) {
    const auto where = "metrics.token_file: " + file.string() + ": ";
    const auto fd = open_secret(file, where);
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

/// A TLS server's side that takes only clients with a certificate signed by `tls_clients`.
std::shared_ptr<ssl::context> tls_context(const MetricsRules& rules) {
    open_secret(rules.tls_key, "metrics.tls_key: " + rules.tls_key.string() + ": ");
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    auto* native = context->native_handle();
    ::SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
    ::SSL_CTX_set_num_tickets(native, 0);  // a scrape is one connection
    const auto check = [](const char* key, const std::filesystem::path& file,
                          const boost::system::error_code& error, const char* mend) {
        if (error)
            throw StartupError{ExitCode::config, std::string{"metrics."} + key + ": " +
                                                     file.string() + ": " + error.message() + "; " +
                                                     mend};
    };
    boost::system::error_code error;
    context->use_certificate_chain_file(rules.tls_certificate.string(), error);
    check("tls_certificate", rules.tls_certificate, error, "give a certificate in PEM");
    context->use_private_key_file(rules.tls_key.string(), ssl::context::pem, error);
    check("tls_key", rules.tls_key, error, "give the key of tls_certificate, in PEM");
    context->load_verify_file(rules.tls_clients.string(), error);
    check("tls_clients", rules.tls_clients, error,
          "give the certificate that signs those of the clients, in PEM");
    context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    return context;
}

}  // namespace

node::scrape::HttpAccess metrics_access(const MetricsRules& rules) {
    node::scrape::HttpAccess access{rules.allow, {}};
    if (rules.has_tls()) access.tls = tls_context(rules);
    if (!rules.token_file.empty()) access.token = read_token(rules.token_file);
    return access;
}

}  // namespace nightjar::relay::operation

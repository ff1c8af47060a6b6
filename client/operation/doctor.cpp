#include "client/operation/doctor.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "client/operation/bootstrap.hpp"
#include "client/operation/exit_country.hpp"
#include "client/operation/state.hpp"
#include "client/protocol/api_protocol.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/control_socket.hpp"

namespace nightjar::client::operation {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using State = Finding::State;
using node::process::ExitCode;

namespace {

// Sockets of one listener (client/apps/proxy.hpp), and what the rest of a client has open.
constexpr rlim_t sockets_per_listener = 1536;
constexpr rlim_t other_descriptors = 64;
constexpr rlim_t descriptors_least = 256;
// A document has at most 1 MiB, and a new one is written beside the old one.
constexpr std::uintmax_t disk_least = 4u << 20;
constexpr std::uintmax_t disk_enough = 64u << 20;
constexpr base::Seconds answer_patience{5};
constexpr double bad_assumed = 0.05;  // as `nightjar routes` does

std::optional<std::string> text_of(const fs::path& file) {
    std::ifstream in{file};
    if (!in) return std::nullopt;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

const char* word_of(State state) {
    switch (state) {
        case State::ok:
            return "ok";
        case State::warning:
            return "warning";
        case State::bad:
            return "bad";
    }
    return "";
}

/// What is wrong with a file that others must not change, or read if `secret`. Empty: nothing.
std::string wrong_with(const fs::path& file, bool secret) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return {};
    const auto others = status.st_mode & (secret ? 077u : 022u);
    if (status.st_uid != ::geteuid()) return file.string() + " belongs to another user";
    if (others != 0)
        return "others may " + std::string{secret ? "read or write " : "write to "} + file.string();
    return {};
}

}  // namespace

Finding look_at_client(const Config& config, bool& runs) {
    const std::string request = R"({"jsonrpc":"2.0","id":1,"method":"status"})";
    const auto line = node::process::ask(config.control_socket, request, answer_patience);
    runs = line.has_value();
    if (!runs) {
        return {"client", State::warning,
                "no client answers on " + config.control_socket.string() + ": " +
                    line.error().message(),
                "start one with: nightjar run"};
    }
    const auto answer = Json::parse(*line, nullptr, false);
    const auto status =
        answer.is_object() ? answer.value("result", Json::object()) : Json::object();
    const auto problem = status.value("problem", Json{});
    const bool ready = status.value("ready", false);
    if (problem.is_object()) {
        return {"client", ready ? State::warning : State::bad, problem.value("what", ""),
                problem.value("mend", "")};
    }
    if (!ready) return {"client", State::warning, "it is not ready yet", "see: nightjar status"};
    return {"client", State::ok, "it is ready", ""};
}

Finding look_at_clock(const Config& config) {
    const auto text = text_of(config.state_dir / "document.txt");
    if (!text) {
        return {"clock", State::ok,
                "no network document is kept yet, so nothing to compare it with", ""};
    }
    try {
        const auto anchors = node::config::load_anchors(config.network);
        const auto document =
            accept_document(*text, anchors, node::process::wall_now(), base::Epoch{0});
        if (document) {
            return {"clock", State::ok,
                    "the kept network document is valid now, until " +
                        base::utc_text((*document)->valid_until),
                    ""};
        }
        const bool early = document.error().find("valid from") != std::string::npos;
        const bool expired = document.error().find("valid until") != std::string::npos;
        if (early)
            return {"clock", State::bad, document.error(), "set the clock, by NTP if you can"};
        return {"clock", State::warning, document.error(),
                expired ? "if the client was off since then, nothing: it fetches a newer document"
                        : "remove " + (config.state_dir / "document.txt").string()};
    } catch (const std::exception& error) {
        return {"clock", State::bad, error.what(), "mend the file that this names"};
    }
}

std::optional<Finding> look_at_exit_country(const Config& config) {
    const auto& country = config.exit_country;
    const auto text = text_of(config.state_dir / "document.txt");
    if (country.empty() || !text) return std::nullopt;
    const auto document = directory::parse(*text);
    if (!document) return std::nullopt;  // look_at_clock() says why
    if (const auto fault = directory::group_fault(*document, country))
        return Finding{"exit_country", State::bad, *fault,
                       "choose another `exit_country`, or remove it, and restart the client"};
    std::string seen;
    for (const auto& line :
         cost_of(directory::exit_group(*document, country), country, bad_assumed))
        seen += (seen.empty() ? "" : "; ") + line;
    return Finding{"exit_country", State::warning, seen,
                   "remove `exit_country`, unless you need it"};
}

Finding look_at_descriptors(const Config& config) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto wanted = sockets_per_listener * config.listeners.size() + other_descriptors;
    const auto seen = std::to_string(limit.rlim_max) + " file descriptors may be open, and " +
                      std::to_string(wanted) + " can be of use";
    const std::string mend =
        "raise the hard limit: LimitNOFILE= in a systemd unit, or `nofile` in "
        "/etc/security/limits.conf";
    if (limit.rlim_max < descriptors_least) return {"descriptors", State::bad, seen, mend};
    if (limit.rlim_max < wanted) return {"descriptors", State::warning, seen, mend};
    return {"descriptors", State::ok, seen, ""};
}

Finding look_at_files(const Config& config, const fs::path& config_file) {
    struct Row {
        fs::path file;
        bool secret;
        const char* mend;
    };
    const Row rows[] = {
        {config.state_dir, false, "chmod 700 "},
        {config.state_dir / "guards.yaml", true, "chmod 600 "},
        {config.state_dir / "gateway.yaml", false, "chmod 600 "},
        {config_file, false, "chmod 600 "},
        {config.network, false, "chmod 600 "},
    };
    for (const auto& row : rows) {
        const auto wrong = wrong_with(row.file, row.secret);
        if (!wrong.empty())
            return {"files", State::bad, wrong, row.mend + row.file.string() + " as its owner"};
    }
    return {"files", State::ok, "the client's files are its own user's", ""};
}

Finding look_at_disk(const Config& config) {
    std::error_code error;  // a folder that this user may not enter counts as one that is not there
    auto folder = fs::absolute(config.state_dir, error);
    while (!fs::exists(folder, error) && folder.has_parent_path() && folder != folder.parent_path())
        folder = folder.parent_path();
    struct statvfs space {};
    if (::statvfs(folder.c_str(), &space) != 0)
        return {"disk", State::bad, folder.string() + " cannot be read", "change `state_dir`"};
    const auto mend = "make room on the disk of " + folder.string() + ", or change `state_dir`";
    if ((space.f_flag & ST_RDONLY) != 0) {
        return {"disk", State::bad, folder.string() + " is read-only",
                "mount it writable, or change `state_dir`"};
    }
    const auto free = static_cast<std::uintmax_t>(space.f_bavail) * space.f_frsize;
    const auto seen = std::to_string(free >> 20) + " MiB are free for " + folder.string();
    if (free < disk_least) return {"disk", State::bad, seen, mend};
    if (free < disk_enough) return {"disk", State::warning, seen, mend};
    return {"disk", State::ok, seen, ""};
}

ExitCode run_doctor(const Config& config, const fs::path& config_file, bool json) {
    bool runs = false;
    std::vector<Finding> findings{look_at_client(config, runs)};
    findings.push_back(look_at_clock(config));
    if (auto finding = look_at_exit_country(config)) findings.push_back(std::move(*finding));
    findings.push_back(look_at_gateway(config, runs));
    for (auto& finding : look_at_listeners(config, runs))
        findings.push_back(std::move(finding));
    findings.push_back(look_at_files(config, config_file));
    findings.push_back(look_at_disk(config));
    findings.push_back(look_at_descriptors(config));

    auto worst = State::ok;
    Json list = Json::array();
    for (const auto& finding : findings) {
        worst = std::max(worst, finding.state);
        list.push_back({{"name", finding.name},
                        {"state", word_of(finding.state)},
                        {"seen", finding.seen},
                        {"mend", finding.mend}});
        if (json) continue;
        std::printf("%-8s %-12s %s\n", word_of(finding.state), finding.name.c_str(),
                    finding.seen.c_str());
        if (!finding.mend.empty())
            std::printf("%-8s %-12s mend: %s\n", "", "", finding.mend.c_str());
    }
    if (json) {
        const Json report{{"worst", word_of(worst)}, {"findings", list}};
        std::printf("%s\n", report.dump(2, ' ', true, Json::error_handler_t::replace).c_str());
    }
    return worst == State::bad ? ExitCode::failure : ExitCode::ok;
}

}  // namespace nightjar::client::operation

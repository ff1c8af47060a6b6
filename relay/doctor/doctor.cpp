#include "relay/doctor/doctor.hpp"

#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <limits>
#include <optional>
#include <thread>

#include "relay/doctor/file_checks.hpp"
#include "relay/doctor/host_rules.hpp"
#include "relay/doctor/limit_rules.hpp"
#include "relay/doctor/name_check.hpp"
#include "relay/doctor/network_rules.hpp"
#include "relay/io/host_networks.hpp"
#include "relay/operation/self_test.hpp"
#include "relay/operation/startup.hpp"
#include "relay/operation/status.hpp"
#include "sphinx/node/https/client.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::relay::doctor {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr base::Milliseconds authority_patience{10'000};  // all are asked at once

void add(Findings& all, Findings more) {
    std::move(more.begin(), more.end(), std::back_inserter(all));
}

std::uint64_t limit_of(__rlimit_resource which) {
    rlimit limit{};
    if (::getrlimit(which, &limit) != 0) return 0;
    return limit.rlim_max == RLIM_INFINITY ? std::numeric_limits<std::uint64_t>::max()
                                           : std::uint64_t{limit.rlim_max};
}

std::optional<uid_t> owner_of(const fs::path& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) return std::nullopt;
    return status.st_uid;
}

/// Asks an authority what its clock says.
asio::awaitable<void> ask_time(node::config::Service service, ClockFacts& facts) {
    node::https::ClientLimits limits;
    limits.body_max = 4096;
    limits.deadline = authority_patience;
    const node::https::Request request{"GET", "/", {}, {}};  // any answer has the time
    const auto host = base::IpAddress::parse(service.address.host).value();
    const node::https::Peer peer{{host, service.address.port}, service.key};
    const auto address = directory::to_text(service.address);
    operation::AuthorityTime time;
    time.asked = node::process::wall_now();
    const auto reply = co_await node::https::ask(peer, request, limits);
    time.answered = node::process::wall_now();
    if (!reply || !reply->date) {
        facts.silence = address + ": " + (reply ? "it does not say the time" : reply.error());
        co_return;
    }
    time.said = *reply->date;
    facts.answers.push_back({address, time});
}

/// What the files say. The document is empty if there is no valid one.
struct Files {
    operation::RelayConfig config;
    std::vector<node::config::Service> services;
    directory::Document document;
    bool valid = false;
};

/// Would `run` start? Fills in what could be read.
Findings check(const fs::path& config_file, Files& files) {
    const auto now = node::process::wall_now();
    try {
        files.services = node::config::load_anchors_file(files.config.network).services;
        const auto loaded = operation::load_all(config_file, now);
        files.config.announce_found = loaded.config.announce_found;
        files.document = *loaded.document.document;
        files.valid = true;
    } catch (const node::process::NotReady& error) {
        const bool waits = !files.services.empty();
        auto finding = from_error("check", waits ? Health::warn : Health::bad, error.what());
        if (waits) finding.mend += ", or let `run` wait for the authority";
        return {finding};
    } catch (const std::exception& error) {
        return {from_error("check", Health::bad, error.what())};
    }
    const auto next = files.config.document.string() + ".next";
    std::error_code ignored;
    return {ok("check", "`run` would start"),
            document(files.document, now, fs::exists(next, ignored)), version(files.document)};
}

Findings look_at_files(const fs::path& config_file, const Files& files) {
    const auto& config = files.config;
    const auto owner = owner_of(config.data_dir);
    if (!owner)
        return {bad("keys", config.data_dir.string() + " cannot be examined",
                    "make it by `nightjar-relay init`, or mend `data_dir`; run `doctor` as root")};
    Findings found{key_files(config.data_dir, *owner), writable_by_others(config, config_file),
                   runtime_dir(config.runtime_dir, *owner)};
    if (const auto there = room(config.data_dir)) found.push_back(disk(*there));
    if (const auto there = room(config.runtime_dir))
        found.push_back(runtime_space(*there, filter_bytes_max(config, files.document)));
    return found;
}

Findings look_at_limits(const Files& files, const std::optional<Running>& relay, bool swap) {
    const bool says = relay && relay->descriptors_max > 0;
    const auto limit = says ? relay->descriptors_max : limit_of(RLIMIT_NOFILE);
    MemoryLock lock;
    if (relay) lock.locked = relay->memory_locked;
    lock.limit =
        ::geteuid() == 0 ? std::numeric_limits<std::uint64_t>::max() : limit_of(RLIMIT_MEMLOCK);
    lock.swap = swap;
    Speed power;
    power.measured = relay ? relay->packets_per_second : 0;
    if (power.measured == 0) power.measured = operation::self_test().packets_per_second;
    power.workers = files.config.workers;
    power.cores = std::max(1u, std::thread::hardware_concurrency());
    power.needed = operation::packets_per_second(files.config, files.document);
    Findings found{speed(power),
                   descriptors(limit, descriptors_needed(files.config, files.document)),
                   memory_lock(lock, locked_bytes_max(files.config, files.document))};
    const auto& config = files.config;
    auto month = traffic_month(config.traffic_month,
                               operation::announced_capacity(operation::capacity_facts(config)),
                               operation::loops_through(config.role, config.layer, files.document));
    if (month) found.push_back(*std::move(month));
    return found;
}

Findings look_at_clock(const Files& files, const std::optional<Running>& relay, bool kept) {
    ClockFacts facts;
    facts.kept = kept;
    facts.jumped = relay && relay->state == "clock_jumped";
    facts.authorities = files.services.size();
    asio::io_context io;
    node::process::TaskGroup tasks{
        io.get_executor(),
        [&](const std::string&, const std::string& what) { facts.silence = what; }};
    for (const auto& service : files.services)
        tasks.spawn("authority", ask_time(service, facts));
    io.run();
    return {clock(facts), clock_kept(facts)};
}

Findings look_at_network(const Files& files, const std::optional<Running>& relay) {
    Findings found;
    if (files.valid) {
        found = {addresses(files.config, files.document.parameters.lab),
                 reachable(relay, files.config, files.document), dials(relay)};
        const auto last = operation::last_descriptor(files.config);
        if (auto names = announced_names(
                files.config, last ? last->relay.addresses : std::vector<directory::Endpoint>{}))
            found.push_back(*std::move(names));
    }
    found.push_back(ipv6(files.config, io::host_networks()));
    if (!files.config.is_exit()) return found;
    base::SystemRandom random;
    add(found, name_servers(files.config.dns_servers, random));
    return found;
}

/// Goes on as the owner of the relay's data folder. Throws std::system_error.
void become_owner(const operation::RelayConfig& config) {
    struct stat status {};
    if (::geteuid() != 0 || ::stat(config.data_dir.c_str(), &status) != 0 || status.st_uid == 0)
        return;
    if (::setgroups(0, nullptr) != 0 ||
        ::setresgid(status.st_gid, status.st_gid, status.st_gid) != 0 ||
        ::setresuid(status.st_uid, status.st_uid, status.st_uid) != 0)
        throw std::system_error{errno, std::generic_category(),
                                "cannot become the owner of " + config.data_dir.string()};
}

}  // namespace

Findings examine(const fs::path& config_file, const fs::path& root) {
    const auto facts = read_host(root);
    Findings found;
    Files files;
    try {
        files.config = operation::load_config(config_file);
    } catch (const std::exception& error) {
        found = {from_error("check", Health::bad, error.what())};
        add(found, host(facts));
        return found;
    }
    add(found, check(config_file, files));
    const auto said = operation::ask_status(files.config.control);
    const auto relay = said ? parse_status(*said) : std::nullopt;
    add(found, running(relay));
    add(found, look_at_clock(files, relay, facts.clock_kept));
    add(found, look_at_network(files, relay));
    add(found, look_at_files(config_file, files));
    add(found, look_at_limits(files, relay, swaps_to_disk(facts)));
    add(found, host(facts));
    return found;
}

node::process::ExitCode run_doctor(const fs::path& config_file, bool json) {
    try {
        become_owner(operation::load_config(config_file));
    } catch (const node::process::StartupError&) {
        // examine() reports it.
    }
    const auto found = examine(config_file);
    std::fputs((json ? to_json(found) + "\n" : to_people(found)).c_str(), stdout);
    return worst(found) == Health::bad ? node::process::ExitCode::failure
                                       : node::process::ExitCode::ok;
}

}  // namespace nightjar::relay::doctor

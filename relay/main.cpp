// nightjar-relay: init, check, run, status, doctor, confirm-clock, disclose, verify-build, version.
// Exit codes: sphinx/node/process/exit_code.hpp.
#include <array>
#include <cstdio>
#include <iostream>
#include <thread>

#include "relay/daemon.hpp"
#include "relay/doctor/doctor.hpp"
#include "relay/io/dial_helper.hpp"
#include "relay/io/name_helper.hpp"
#include "relay/joining.hpp"
#include "relay/operation/answers.hpp"
#include "relay/operation/config.hpp"
#include "relay/operation/disclose_command.hpp"
#include "relay/operation/init.hpp"
#include "relay/operation/startup.hpp"
#include "relay/operation/status.hpp"
#include "relay/operation/status_page.hpp"
#include "relay/operation/verify_command.hpp"
#include "relay/wiped_heap.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/command_line.hpp"
#include "sphinx/node/process/keeper.hpp"
#include "sphinx/node/process/process.hpp"

namespace {

using namespace nightjar;
using namespace nightjar::base;
using namespace nightjar::relay;
using namespace nightjar::relay::core;
using namespace nightjar::relay::operation;
using node::process::ExitCode;

/// The command line as text; the code that parses the file parses it as well.
struct Arguments {
    std::string config = "relay.yaml";
    bool json = false;
    std::string html;  // a file, or "-"
    std::uint32_t wait_seconds = 0;

    std::string folder;
    std::string name = "relay";
    std::string role = "mix";
    std::uint32_t layer = 0;  // 0: none was given
    std::vector<std::string> listen;
    std::vector<std::string> announce;
    std::string runtime_dir;
    std::string network;
    std::string document;
    std::string metrics = "off";
    std::vector<std::string> exit_policy;
    std::vector<std::string> dns_servers;
    bool allow_loopback = false;
    std::uint32_t epoch_length_s = 3600;
    std::uint32_t workers = 0;
    std::uint32_t packets_per_second = 0;
    std::uint32_t capacity = 0;  // 0: none was given
    std::string country;
};

directory::Endpoint endpoint(const std::string& text, const char* option) {
    const auto parsed = directory::parse_endpoint(text);
    if (parsed && parsed->port != 0) return *parsed;
    throw node::process::UsageError{
        std::string{option} + ": '" + text +
        "' is not IP:PORT; write it like 192.0.2.1:9001 or [2001:db8::1]:9001"};
}

InitOptions init_options(const Arguments& given) {
    InitOptions options;
    options.folder = given.folder;
    options.epoch_length = base::Seconds{given.epoch_length_s};
    options.json = given.json;
    auto& config = options.config;
    config.name = given.name;
    if (given.role == "gateway") {
        if (given.layer != 0)
            throw node::process::UsageError{"--layer: a gateway is in no layer; omit the option"};
        config.role = directory::Role::gateway;
        config.layer = 0;
    } else {
        config.layer = static_cast<std::uint8_t>(given.layer == 0 ? 1 : given.layer);
    }
    if (!given.listen.empty()) config.listen.clear();
    for (const auto& text : given.listen)
        config.listen.push_back(endpoint(text, "--listen"));
    for (const auto& text : given.announce)
        config.announce.push_back(endpoint(text, "--announce"));
    if (!given.runtime_dir.empty()) config.runtime_dir = given.runtime_dir;
    if (!given.network.empty()) config.network = given.network;
    if (!given.document.empty()) config.document = given.document;
    if (given.metrics != "off") config.metrics = endpoint(given.metrics, "--metrics");
    for (const auto& text : given.exit_policy) {
        if (const auto rule = ExitRule::parse(text); !rule) {
            throw node::process::UsageError{"--exit-policy: " + rule.error()};
        }
        config.exit_policy.push_back(text);
    }
    for (const auto& text : given.dns_servers) {
        const auto server = endpoint(text, "--dns");
        config.dns_servers.push_back({IpAddress::parse(server.host).value(), server.port});
    }
    config.exit_allow_loopback = given.allow_loopback;
    if (given.workers != 0) config.workers = given.workers;
    if (given.packets_per_second != 0) config.packets_per_second = given.packets_per_second;
    if (given.capacity != 0) config.capacity = given.capacity;
    config.country = given.country;
    return options;
}

void add_init(CLI::App& init, Arguments& given) {
    init.add_option("--dir", given.folder, "Folder of the new relay")->required();
    init.add_option("--name", given.name, "Name shown to people: a-z, 0-9, -");
    init.add_option("--role", given.role)->check(CLI::IsMember({"mix", "gateway"}));
    init.add_option("--layer", given.layer, "Layer of a mix (default: 1)")->check(CLI::Range(1, 3));
    init.add_option("--listen", given.listen, "IP:PORT for links");
    init.add_option("--announce", given.announce, "IP:PORT that others connect to, if different");
    init.add_option("--runtime-dir", given.runtime_dir, "A directory on a tmpfs, for epoch keys");
    init.add_option("--network", given.network, "Trust anchors file, relative to the folder");
    init.add_option("--document", given.document,
                    "Signed network document, relative to the folder");
    init.add_option("--metrics", given.metrics, "Loopback IP:PORT for Prometheus, or off");
    init.add_option("--exit-policy", given.exit_policy, "A rule, like 'accept *:443'; repeat it")
        ->allow_extra_args(false);
    init.add_option("--dns", given.dns_servers, "IP:PORT of the exit's resolver; repeat it");
    init.add_flag("--allow-loopback", given.allow_loopback,
                  "Let the exit connect to loopback; lab networks only");
    init.add_option("--epoch-length", given.epoch_length_s,
                    "Epoch length of the network in seconds")
        ->check(CLI::Range(60, 7 * 86400));
    init.add_option("--workers", given.workers, "Threads that unwrap packets")
        ->check(CLI::Range(1, 64));
    init.add_option("--packets-per-second", given.packets_per_second,
                    "Expected load; sizes the replay filters")
        ->check(CLI::Range(1, 1'000'000));
    init.add_option("--capacity", given.capacity,
                    "Packets a second that it offers at most (default: by the self-test)")
        ->check(CLI::Range(1, 1'000'000));
    init.add_option("--country", given.country, "Two letters, like nl, in the descriptor");
}

ExitCode check(const Arguments& given) {
    if (!given.json) {
        check_relay(given.config);
        std::printf("%s: ok\n", given.config.c_str());
        return ExitCode::ok;
    }
    auto code = ExitCode::ok;
    std::string error;
    try {
        check_relay(given.config);
    } catch (const node::process::StartupError& refused) {
        code = refused.code();
        error = refused.what();
    }
    std::puts(check_json(given.config, code, error).c_str());
    return code;
}

ExitCode version(const Arguments& given) {
    if (given.json)
        std::puts(version_json().c_str());
    else
        std::printf("nightjar-relay %s\n", program_version);
    return ExitCode::ok;
}

bool is_active(const std::string& json) {
    return json.find("\"state\":\"active\"") != std::string::npos;
}

void write_page(const std::string& page, const std::string& file) {
    constexpr unsigned for_a_web_server = 0644;
    if (file == "-")
        std::fputs(page.c_str(), stdout);
    else
        node::files::replace_file(file, page, node::files::Durability::rename_only,
                                  for_a_web_server);
}

ExitCode status(const Arguments& given) {
    const auto config = load_config(given.config);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{given.wait_seconds};
    auto json = ask_status(config.control);
    while ((!json || !is_active(*json)) && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        json = ask_status(config.control);
    }
    if (!given.html.empty())
        write_page(status_page(json, config.name, node::process::wall_now()), given.html);
    if (!json) {
        throw node::process::NotReady{config.control.string() +
                                      ": no relay answers; start it with `nightjar-relay run`"};
    }
    const auto people = to_people(*json);
    if (given.html.empty())
        std::fputs(given.json || !people ? (*json + "\n").c_str() : people->c_str(), stdout);
    return given.wait_seconds == 0 || is_active(*json) ? ExitCode::ok : ExitCode::not_ready;
}

ExitCode confirm_clock(const Arguments& given) {
    const auto config = load_config(given.config);
    const auto confirmed = ask_confirm_clock(config.control);
    if (!confirmed) {
        throw node::process::NotReady{config.control.string() +
                                      ": no relay answers; start it with `nightjar-relay run`"};
    }
    if (given.json)
        std::puts(confirm_clock_json(*confirmed).c_str());
    else
        std::puts(*confirmed ? "the relay goes by this machine's clock now"
                             : "this machine's clock has not jumped: nothing to confirm");
    return ExitCode::ok;
}

/// What a running exit starts (sphinx/node/process/keeper.hpp); no verbs for a person.
struct HelperVerbs {
    const char* keeper;
    const char* helper;
    void (*work)();
};
constexpr std::array helper_verbs{
    HelperVerbs{io::name_keeper_verb, io::name_helper_verb, io::answer_names},
    HelperVerbs{io::dial_keeper_verb, io::dial_helper_verb, io::run_dial_helper}};

const HelperVerbs* find_helper(std::string_view verb) {
    for (const auto& one : helper_verbs)
        if (verb == one.keeper || verb == one.helper) return &one;
    return nullptr;
}

ExitCode run_helper(const HelperVerbs& its, std::string_view verb) {
    if (!node::process::has_helper_link()) {
        throw node::process::UsageError{std::string{verb} +
                                        ": only a running relay starts this; use `run`"};
    }
    node::process::harden_process();
    if (verb == its.keeper)
        node::process::keep_helpers(its.helper);
    else
        its.work();
    return ExitCode::ok;
}

ExitCode run(int argc, char** argv) {
    CLI::App app{"A relay of the Nightjar mix network"};
    app.set_version_flag("--version", program_version);
    app.require_subcommand(1);
    Arguments given;
    auto* init = app.add_subcommand("init", "Create keys, configuration and descriptor");
    add_init(*init, given);
    auto* check_verb = app.add_subcommand("check", "Check whether `run` would start");
    auto* run_verb =
        app.add_subcommand("run", "Run until SIGTERM; SIGHUP reloads the configuration");
    auto* status_verb = app.add_subcommand("status", "Show the status of the running relay");
    auto* confirm_verb = app.add_subcommand(
        "confirm-clock", "Tell the running relay that this machine's clock is right after a jump");
    auto* doctor_verb = app.add_subcommand(
        "doctor", "Examine this relay and its host; print what is wrong and how to mend it");
    auto* version_verb = app.add_subcommand("version", "Show the version");
    for (auto* verb : {init, check_verb, status_verb, confirm_verb, doctor_verb, version_verb})
        verb->add_flag("--json", given.json, "Print JSON");
    for (auto* verb : {check_verb, run_verb, status_verb, confirm_verb, doctor_verb})
        verb->add_option("--config", given.config, "Configuration file")->capture_default_str();
    const DiscloseCommand disclose{app};
    const VerifyCommand verify{app};
    status_verb
        ->add_option("--html", given.html, "Write a page for a browser; - for standard output")
        ->excludes("--json");
    status_verb->add_option("--wait", given.wait_seconds,
                            "Wait up to this many seconds until it is active");
    node::process::explain_missing_randomness();
    if (const auto code = node::process::parse_command_line(app, argc, argv)) return *code;

    if (*init) {
        init_relay(init_options(given), node::process::read_clocks(), std::cout);
        return ExitCode::ok;
    }
    if (*check_verb) return check(given);
    if (*run_verb) return run_relay(given.config);
    if (*confirm_verb) return confirm_clock(given);
    if (*version_verb) return version(given);
    if (*doctor_verb) return doctor::run_doctor(given.config, given.json);
    if (disclose.given()) return disclose.run();
    if (verify.given()) return verify.run();
    return status(given);
}

}  // namespace

int main(int argc, char** argv) {
    return nightjar::node::process::run_main("nightjar-relay", [&] {
        wipe_what_libraries_free();
        if (const auto* const helper = argc == 2 ? find_helper(argv[1]) : nullptr)
            return run_helper(*helper, argv[1]);
        return run(argc, argv);
    });
}

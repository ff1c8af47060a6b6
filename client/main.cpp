// nightjar: the client program. Use `init` once, then `run`. `status` and `ping` query the running
// client.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/daemon.hpp"
#include "client/operation/config.hpp"
#include "client/operation/control_client.hpp"
#include "client/operation/doctor.hpp"
#include "client/operation/routes_report.hpp"
#include "client/protocol/telegram.hpp"
#include "sphinx/node/process/command_line.hpp"
#include "sphinx/node/process/process.hpp"

namespace {

using namespace nightjar;
using node::process::ExitCode;

struct Arguments {
    std::string network;
    std::string dir;
    std::string config;
    std::string listen = "127.0.0.1:9150";
    unsigned count = 4;
    bool json = false;
    double bad_percent = 5;
    client::operation::StatusOptions status;
    client::operation::ListenOptions listener;
    bool close = false;
};

void add_listen_options(CLI::App& command, Arguments& arguments) {
    auto& listener = arguments.listener;
    command.add_option("address", listener.address, "ADDRESS:PORT, or unix:/PATH for a proxy")
        ->required();
    command.add_option("--way", listener.way, "What it speaks")
        ->check(CLI::IsMember({"proxy", "dns", "transparent"}))
        ->capture_default_str();
    command.add_option("--isolate", listener.isolate, "credentials, user, listener")
        ->delimiter(',')
        ->allow_extra_args(false);
    command.add_option("--users", listener.users, "Whose programs: own or all (unix socket)");
    command.add_option("--map", listener.map, "Range for names (dns)");
    command.add_flag("--extended-errors", listener.extended_errors, "Reply codes beyond RFC 1928");
    command.add_flag("--close", arguments.close, "Close the listener at this address");
}

/// One line in ASCII, whatever bytes a path has.
void print(const nlohmann::ordered_json& result) {
    using Handler = nlohmann::ordered_json::error_handler_t;
    std::printf("%s\n", result.dump(-1, ' ', true, Handler::replace).c_str());
}

std::filesystem::path config_file(const Arguments& arguments) {
    if (!arguments.config.empty()) return arguments.config;
    return client::operation::default_dir() / "client.yaml";
}

ExitCode run_init(const Arguments& arguments) {
    const auto listen = directory::parse_endpoint(arguments.listen);
    if (!listen) {
        throw node::process::UsageError("--listen " + arguments.listen +
                                        ": expected an address and a port, such as 127.0.0.1:9150");
    }
    const std::filesystem::path dir = arguments.dir.empty() ? client::operation::default_dir()
                                                            : std::filesystem::path{arguments.dir};
    client::operation::init(dir, arguments.network, *listen);
    if (arguments.json) {
        print({{"config", (dir / "client.yaml").string()}});
        return ExitCode::ok;
    }
    std::printf(
        "wrote %s; now run: nightjar run%s\n", (dir / "client.yaml").c_str(),
        arguments.dir.empty() ? "" : (" --config " + (dir / "client.yaml").string()).c_str());
    return ExitCode::ok;
}

ExitCode show_telegram(const std::filesystem::path& file, bool json) {
    const auto config = client::operation::load_config(file);
    const auto text = client::protocol::telegram_text(config.listeners);
    if (!text) {
        throw node::process::ConfigError(file.string() +
                                         ": no proxy listens on a fixed TCP port, which a link "
                                         "could name; set listen: 127.0.0.1:9150");
    }
    if (json)
        print({{"link", text->substr(0, text->find('\n'))}});
    else
        std::printf("%s", text->c_str());
    return ExitCode::ok;
}

ExitCode body(int argc, char** argv) {
    CLI::App app{"Nightjar's client: a SOCKS5 and HTTP proxy through a mix network.", "nightjar"};
    app.require_subcommand(1);
    Arguments arguments;

    auto* init = app.add_subcommand("init", "Write a configuration for a network");
    init->add_option("--network", arguments.network, "The network's trust anchors (network.yaml)")
        ->required();
    init->add_option("--dir", arguments.dir, "Directory to create (default ~/.config/nightjar)");
    init->add_option("--listen", arguments.listen, "Address that applications connect to")
        ->capture_default_str();

    auto* run = app.add_subcommand("run", "Join the network and serve applications");
    auto* status = app.add_subcommand("status", "Show the state of the running client");
    auto* ping = app.add_subcommand("ping", "Send packets to an exit and back");
    auto* newnym = app.add_subcommand("newnym", "Get new sessions for the connections to come");
    auto* listen = app.add_subcommand("listen", "Open or close a listener while the client runs");
    add_listen_options(*listen, arguments);
    auto* doctor = app.add_subcommand("doctor", "Find what keeps the client from working");
    auto* routes = app.add_subcommand("routes", "Show the relays that are kept, and their risk");
    routes->add_option("--bad", arguments.bad_percent, "Share of bad relays in percent")
        ->check(CLI::Range(0.01, 99.0))
        ->capture_default_str();
    for (auto* command : {run, status, ping, newnym, listen, doctor, routes}) {
        command->add_option("--config", arguments.config,
                            "client.yaml (default ~/.config/nightjar/client.yaml)");
    }
    auto* watch = status->add_flag("--watch", arguments.status.watch, "Print it every second");
    auto* cost =
        status->add_flag("--cost", arguments.status.cost, "Show what the link costs a day");
    status->add_option("--html", arguments.status.page, "Write a page to this file; -: to stdout")
        ->excludes(watch)
        ->excludes(cost);
    ping->add_option("--count", arguments.count, "Number of pings, one after the other")
        ->check(CLI::Range(1u, 10'000u))
        ->capture_default_str();

    auto* telegram = app.add_subcommand("telegram", "Print the link that makes Telegram use this");
    telegram->add_option("--config", arguments.config,
                         "client.yaml (default ~/.config/nightjar/client.yaml)");
    for (auto* command : {init, status, ping, newnym, listen, doctor, routes, telegram})
        command->add_flag("--json", arguments.json, "Print one JSON object instead of text");

    node::process::explain_missing_randomness();
    if (const auto code = node::process::parse_command_line(app, argc, argv)) return *code;
    if (init->parsed()) return run_init(arguments);
    if (telegram->parsed()) return show_telegram(config_file(arguments), arguments.json);
    const auto config = client::operation::load_config(config_file(arguments));
    if (run->parsed()) return client::run_daemon(config);
    if (status->parsed()) {
        arguments.status.json = arguments.json;
        return client::operation::show_status(config.control_socket, arguments.status);
    }
    if (doctor->parsed())
        return client::operation::run_doctor(config, config_file(arguments), arguments.json);
    if (routes->parsed())
        return client::operation::show_routes(config, arguments.bad_percent / 100, arguments.json);
    if (newnym->parsed())
        return client::operation::new_identity(config.control_socket, arguments.json);
    if (listen->parsed()) {
        arguments.listener.json = arguments.json;
        return arguments.close
                   ? client::operation::close_listener(config.control_socket, arguments.listener)
                   : client::operation::open_listener(config.control_socket, arguments.listener);
    }
    return client::operation::ping(config.control_socket, arguments.count, arguments.json);
}

}  // namespace

int main(int argc, char** argv) {
    return node::process::run_main("nightjar", [argc, argv] { return body(argc, argv); });
}

// nightjar-authority: creates the key that clients of a network trust, and signs its documents, as
// a service or by hand.
#include <sodium.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "relay/authority/admitted.hpp"
#include "relay/authority/introduction.hpp"
#include "relay/authority/service.hpp"
#include "relay/authority/settings.hpp"
#include "relay/authority/signing.hpp"
#include "relay/authority/verifying.hpp"
#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/key_times.hpp"
#include "sphinx/node/process/command_line.hpp"
#include "sphinx/node/process/process.hpp"

using namespace nightjar;
using node::process::ExitCode;

namespace {

struct Options {
    bool json = false;
    std::vector<std::string> folders;
    std::string description;
    std::string out;
    bool next = false;
    std::string network;
    std::string listen = "127.0.0.1:8443";
    std::string announce;
    std::uint32_t epoch_length_s = 3600;
    bool lab = false;
    std::size_t authorities = 1;
    std::vector<std::string> introductions;
    std::vector<std::string> documents;
    std::string anchors = "network.yaml";
    std::string identity;
    relay::authority::Admitted admitted;
};

relay::authority::fs::path folder_of(const Options& options) {
    return options.folders.front();
}

directory::Endpoint endpoint(const std::string& text, const char* option) {
    const auto parsed = directory::parse_endpoint(text);
    if (parsed && parsed->port != 0) return *parsed;
    throw node::process::UsageError{
        std::string{option} + ": '" + text +
        "' is not IP:PORT; write it like 192.0.2.9:8443 or [2001:db8::9]:8443"};
}

void init_network(const Options& options) {
    relay::authority::NewNetwork made;
    made.name = options.network;
    made.listen = endpoint(options.listen, "--listen");
    if (!options.announce.empty()) made.announce = endpoint(options.announce, "--announce");
    made.epoch_length = base::Seconds{options.epoch_length_s};
    made.lab = options.lab;
    if (!made.lab && made.epoch_length < directory::epoch_length_least)
        throw node::process::UsageError{
            "--epoch-length: less than 120 s only with --lab, because such epochs need clocks that "
            "differ by less"};
    made.authorities = options.authorities;
    relay::authority::init_network(folder_of(options), made);
    if (options.json) {
        nlohmann::json json{{"network", made.name}, {"folder", options.folders.front()}};
        const auto file = made.authorities > 1 ? "introduction" : "network.yaml";
        json["give"] = (folder_of(options) / file).string();
        std::cout << json << '\n';
        return;
    }
    if (made.authorities > 1) {
        const auto file = (folder_of(options) / "introduction").string();
        std::cout << "made an authority of " << made.name << " in " << options.folders.front()
                  << "\nnext: give " << file << " to the other " << made.authorities - 1
                  << " authorities, and run `nightjar-authority assemble` with theirs\n";
        return;
    }
    std::cout << "made the network " << made.name << " in " << options.folders.front()
              << "\nnext: give network.yaml to the operators of relays, start `nightjar-authority "
                 "run`, and admit their relays\n";
}

void init(const Options& options) {
    if (!options.network.empty()) return init_network(options);
    const relay::authority::fs::path folder{options.folders.front()};
    const auto key = base::to_hex(relay::authority::init(folder).bytes);
    const auto file = (folder / "authority.key").string();
    if (options.json) {
        std::cout << nlohmann::json{{"authority", key}, {"key_file", file}} << '\n';
        return;
    }
    std::cout << "authority " << key << "\nits key is in " << file
              << "; keep it off the network and back it up\n";
}

void print(const relay::authority::Signed& made, const Options& options) {
    const auto& document = made.document;
    if (options.json) {
        std::cout << nlohmann::json{{"network", document.network},
                                    {"network_id",
                                     base::to_hex(directory::network_id(made.anchors).bytes)},
                                    {"epoch", document.epoch.value},
                                    {"valid_from", base::unix_seconds(document.valid_from)},
                                    {"valid_until", base::unix_seconds(document.valid_until)},
                                    {"lab", document.parameters.lab},
                                    {"layers", document.layers()},
                                    {"relays", document.relays.size()},
                                    {"gateways", made.anchors.gateways.size()},
                                    {"signatures", document.signatures.size()},
                                    {"out", options.out}}
                  << '\n';
        return;
    }
    std::cout << "signed the document of " << document.network << ", epoch " << document.epoch.value
              << ": " << document.relays.size() << " relays in " << int{document.layers()}
              << " layers and " << made.anchors.gateways.size() << " gateways, valid until "
              << base::unix_seconds(document.valid_until) << " (Unix time), by "
              << document.signatures.size() << " authorities\nwrote " << options.out
              << "/document and " << options.out << "/network.yaml\n";
}

void sign(const Options& options) {
    const std::vector<relay::authority::fs::path> folders{options.folders.begin(),
                                                          options.folders.end()};
    const auto now = std::chrono::floor<base::Milliseconds>(std::chrono::system_clock::now());
    const auto which =
        options.next ? relay::authority::EpochChoice::next : relay::authority::EpochChoice::current;
    const auto made = relay::authority::sign(folders, options.description, which, now);
    relay::authority::write(made, options.out);
    print(made, options);
}

base::NodeId identity_of(const Options& options) {
    const auto bytes = base::from_hex(options.identity);
    const auto id = bytes ? base::NodeId::from(*bytes) : std::nullopt;
    if (id && !id->is_zero()) return *id;
    throw node::process::UsageError{
        "IDENTITY is 64 lower-case hexadecimal digits; `nightjar-relay init` prints it"};
}

void require_word(const std::string& text, const char* option) {
    if (!directory::is_word(text))
        throw node::process::UsageError{std::string{option} + ": '" + text +
                                        "' is not a name; use at most 32 of a-z, 0-9 and -"};
}

void admit(const Options& options) {
    auto relay = options.admitted;
    relay.identity = identity_of(options);
    require_word(relay.operator_name, "--operator");
    if (!relay.family.empty()) require_word(relay.family, "--family");
    const bool fresh = relay::authority::admit(folder_of(options) / "admitted", relay);
    if (options.json)
        std::cout << nlohmann::json{{"identity", options.identity},
                                    {"operator", relay.operator_name},
                                    {"family", relay.family},
                                    {"capacity", relay.capacity},
                                    {"new", fresh}}
                  << '\n';
    else
        std::cout << (fresh ? "admitted " : "changed ") << options.identity << ", operator "
                  << relay.operator_name << '\n';
}

void expel(const Options& options) {
    // Where admission is open, a relay that is only not listed would come again.
    const auto settings = relay::authority::load_settings(folder_of(options));
    if (!relay::authority::expel(folder_of(options) / "admitted", identity_of(options),
                                 settings.open.open()))
        throw node::process::StartupError{ExitCode::failure,
                                          options.identity + " is not on the list"};
    if (options.json)
        std::cout << nlohmann::json{{"identity", options.identity}, {"expelled", true}} << '\n';
    else
        std::cout << "expelled " << options.identity << ": the next document is without it\n";
}

void list(const Options& options) {
    auto rows = nlohmann::json::array();
    for (const auto& relay : relay::authority::load_admitted(folder_of(options) / "admitted")) {
        const auto identity = base::to_hex(relay.identity.bytes);
        if (relay.expelled) {
            rows.push_back({{"identity", identity}, {"expelled", true}});
            if (!options.json) std::cout << identity << "  expelled\n";
            continue;
        }
        rows.push_back({{"identity", identity},
                        {"operator", relay.operator_name},
                        {"family", relay.family},
                        {"capacity", relay.capacity}});
        if (options.json) continue;
        std::cout << identity << "  operator " << relay.operator_name << ", capacity "
                  << relay.capacity << (relay.family.empty() ? "" : ", family " + relay.family)
                  << '\n';
    }
    if (options.json) std::cout << rows << '\n';
}

void publish(const Options& options) {
    const auto now = std::chrono::floor<base::Milliseconds>(std::chrono::system_clock::now());
    const auto count = relay::authority::publish(folder_of(options), options.out, now);
    if (options.json)
        std::cout << nlohmann::json{{"documents", count}, {"out", options.out}} << '\n';
    else
        std::cout << "wrote network.yaml and " << count << " documents into " << options.out
                  << '\n';
}

void assemble(const Options& options) {
    const std::vector<relay::authority::fs::path> files{options.introductions.begin(),
                                                        options.introductions.end()};
    const auto id = relay::authority::assemble(folder_of(options), files);
    const auto file = (folder_of(options) / "network.yaml").string();
    if (options.json) {
        std::cout << nlohmann::json{{"network_id", base::to_hex(id.bytes)}, {"give", file}} << '\n';
        return;
    }
    std::cout << "network " << base::to_hex(id.bytes) << "\nwrote " << file
              << "\nnext: compare this id with the other operators by a way that you trust, start "
                 "`nightjar-authority run`, and give network.yaml to the operators of relays\n";
}

void introduce(const Options& options) {
    relay::authority::write_introduction(folder_of(options));
    const auto file = (folder_of(options) / "introduction").string();
    if (options.json)
        std::cout << nlohmann::json{{"give", file}} << '\n';
    else
        std::cout << "wrote " << file << '\n';
}

ExitCode verify(const Options& options) {
    const std::vector<relay::authority::fs::path> files{options.documents.begin(),
                                                        options.documents.end()};
    const auto anchors = node::config::load_anchors_file(options.anchors).anchors;
    const auto verdict = relay::authority::verify(files, anchors);
    std::cout << (options.json ? to_json(verdict) + "\n" : to_text(verdict));
    return exit_code(verdict);
}

CLI::App* add_verb(CLI::App& app, Options& options, const char* name, const char* help) {
    auto* verb = app.add_subcommand(name, help);
    verb->add_option("--dir", options.folders, "Folder of the authority")->required()->expected(1);
    return verb;
}

/// The commands of an authority that runs as a service. Each returns after its work; `run` does
/// when the service ends.
struct ServiceVerbs {
    CLI::App *run, *admit, *expel, *list, *publish, *introduce, *assemble;

    ServiceVerbs(CLI::App& app, Options& options)
        : run{add_verb(app, options, "run", "Take descriptors, sign documents, until SIGTERM")},
          admit{add_verb(app, options, "admit", "List a relay, or change what is said about it")},
          expel{add_verb(app, options, "expel", "List a relay no longer")},
          list{add_verb(app, options, "list", "Print the admitted relays")},
          publish{add_verb(app, options, "publish", "Write the documents for a web server")},
          introduce{add_verb(app, options, "introduce",
                             "Write the file for the other authorities again")},
          assemble{add_verb(app, options, "assemble",
                            "Make network.yaml from the introductions of all authorities")} {
        assemble->add_option("FILES", options.introductions, "Introductions")->required();
        for (auto* verb : {admit, expel})
            verb->add_option("IDENTITY", options.identity, "64 hexadecimal digits")->required();
        admit->add_option("--operator", options.admitted.operator_name)->required();
        admit->add_option("--family", options.admitted.family);
        admit
            ->add_option("--capacity", options.admitted.capacity,
                         "Weight at most (default: what the relay announces)")
            ->check(CLI::Range(1, 1'000'000));
        for (auto* verb : {admit, expel, list, publish, introduce, assemble})
            verb->add_flag("--json", options.json, "Print JSON");
        publish->add_option("OUT", options.out, "Folder that the web server shows")->required();
    }
    ExitCode call(const Options& options) const {
        if (run->parsed()) return relay::authority::run_service(folder_of(options));
        if (admit->parsed()) ::admit(options);
        if (expel->parsed()) ::expel(options);
        if (list->parsed()) ::list(options);
        if (publish->parsed()) ::publish(options);
        if (introduce->parsed()) ::introduce(options);
        if (assemble->parsed()) ::assemble(options);
        return ExitCode::ok;
    }
};

ExitCode run(int argc, char** argv) {
    Options options;
    CLI::App app{
        "Creates the key that clients of a Nightjar network trust, and signs the network's "
        "documents."};
    app.require_subcommand(1);
    auto* init_verb = app.add_subcommand("init", "Create this authority's key");
    init_verb->add_option("--dir", options.folders, "Folder for the key")->required()->expected(1);
    init_verb->add_flag("--json", options.json, "Print JSON");
    init_verb->add_option("--network", options.network,
                          "Name of a new network: writes all that `run` needs");
    init_verb
        ->add_option("--authorities", options.authorities,
                     "Number of authorities that found the network together (default: 1)")
        ->check(CLI::Range(std::size_t{1}, std::size_t{64}));
    init_verb->add_option("--listen", options.listen, "IP:PORT of the service");
    init_verb->add_option("--announce", options.announce, "IP:PORT for relays, if different");
    init_verb->add_option("--epoch-length", options.epoch_length_s, "Epoch length in seconds")
        ->check(CLI::Range(60, 7 * 86400));
    init_verb->add_flag("--lab", options.lab, "A lab network: it gives no anonymity");
    const ServiceVerbs service{app, options};

    auto* sign_verb = app.add_subcommand("sign", "Sign the network document of this epoch");
    sign_verb
        ->add_option("--dir", options.folders,
                     "Folder of an authority's key; repeat for each authority")
        ->required();
    sign_verb->add_option("--description", options.description, "YAML description of the network")
        ->required();
    sign_verb->add_option("--out", options.out, "Folder for document and network.yaml")->required();
    sign_verb->add_flag("--next", options.next,
                        "Sign the next epoch's document, from the .next descriptor files");
    sign_verb->add_flag("--json", options.json, "Print JSON");
    auto* verify_verb = app.add_subcommand(
        "verify", "Examine signed documents: are they valid, and who signed two of one epoch?");
    verify_verb->add_option("FILES", options.documents, "Documents")->required();
    verify_verb->add_option("--network", options.anchors, "The trust anchors (network.yaml)");
    verify_verb->add_flag("--json", options.json, "Print JSON");
    node::process::explain_missing_randomness();
    if (const auto code = node::process::parse_command_line(app, argc, argv)) return *code;

    if (sodium_init() < 0) throw std::runtime_error{"libsodium finds no source of randomness"};
    node::process::harden_process();
    if (init_verb->parsed()) init(options);
    if (sign_verb->parsed()) sign(options);
    if (verify_verb->parsed()) return verify(options);
    return service.call(options);
}

}  // namespace

int main(int argc, char** argv) {
    return node::process::run_main("nightjar-authority", [argc, argv] { return run(argc, argv); });
}

// nightjar-authority: creates the key that clients of a network trust, and signs its documents.
#include <sodium.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "relay/authority/signing.hpp"
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
};

void init(const Options& options) {
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

std::uint64_t unix_seconds(base::Wall time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<base::Seconds>(time.time_since_epoch()).count());
}

void print(const relay::authority::Signed& made, const Options& options) {
    const auto& document = made.document;
    if (options.json) {
        std::cout << nlohmann::json{{"network", document.network},
                                    {"network_id",
                                     base::to_hex(directory::network_id(made.anchors).bytes)},
                                    {"epoch", document.epoch.value},
                                    {"valid_from", unix_seconds(document.valid_from)},
                                    {"valid_until", unix_seconds(document.valid_until)},
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
              << unix_seconds(document.valid_until) << " (Unix time), by "
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

ExitCode run(int argc, char** argv) {
    Options options;
    CLI::App app{
        "Creates the key that clients of a Nightjar network trust, and signs the network's "
        "documents."};
    app.require_subcommand(1);
    auto* init_verb = app.add_subcommand("init", "Create this authority's key");
    init_verb->add_option("--dir", options.folders, "Folder for the key")->required()->expected(1);
    init_verb->add_flag("--json", options.json, "Print JSON");

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
    if (const auto code = node::process::parse_command_line(app, argc, argv)) return *code;

    if (sodium_init() < 0) throw std::runtime_error{"libsodium finds no source of randomness"};
    node::process::harden_process();
    if (init_verb->parsed()) init(options);
    if (sign_verb->parsed()) sign(options);
    return ExitCode::ok;
}

}  // namespace

int main(int argc, char** argv) {
    return node::process::run_main("nightjar-authority", [argc, argv] { return run(argc, argv); });
}

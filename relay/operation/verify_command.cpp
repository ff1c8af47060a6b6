#include "relay/operation/verify_command.hpp"

#include <cstdio>

#include "relay/operation/answers.hpp"
#include "relay/operation/build.hpp"
#include "relay/operation/manifest.hpp"
#include "relay/operation/startup.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/node/files/text_file.hpp"

namespace nightjar::relay::operation {

namespace {

constexpr std::string_view program = "nightjar-relay";

/// At most one byte more than `size_max`, which the parser then refuses.
std::string read_bounded(const std::string& file, std::size_t size_max) {
    auto text = node::files::read_file(file, size_max);
    if (!text)
        throw node::process::ConfigError{file +
                                         ": cannot be read; check the name and who may read it"};
    return *std::move(text);
}

Manifest load_manifest(const std::string& file) {
    auto manifest = parse_manifest(read_bounded(file, manifest_size_max));
    if (!manifest)
        throw node::process::ConfigError{file + ": no manifest of a release: " + manifest.error() +
                                         "; give the file MANIFEST of a release"};
    return *std::move(manifest);
}

directory::Descriptor load_descriptor(const std::string& file) {
    auto parsed = directory::parse_descriptor(read_bounded(file, directory::descriptor_size_max));
    if (!parsed)
        throw node::process::ConfigError{
            file + ": no valid descriptor: line " + std::to_string(parsed.error().line) + ": " +
            parsed.error().reason + "; give the file `descriptor` of a relay"};
    return *std::move(parsed);
}

}  // namespace

VerifyCommand::VerifyCommand(CLI::App& app)
    : verb_{app.add_subcommand("verify-build",
                               "Show the hash of this program, and whether a release has it")} {
    verb_->add_option("--manifest", manifest_, "The release's MANIFEST; check its signature first");
    verb_->add_option("--descriptor", descriptor_,
                      "A relay's descriptor: check the hash that it names instead");
    verb_->add_flag("--json", json_, "Print JSON");
}

node::process::ExitCode VerifyCommand::run() const {
    BuildAnswer answer;
    if (descriptor_.empty()) {
        answer.subject = std::string{program} + " " + program_version;
        answer.hash = own_build();
    } else {
        const auto descriptor = load_descriptor(descriptor_);
        answer.subject = directory::called(descriptor.relay);
        answer.hash = descriptor.build;
    }
    if (!manifest_.empty()) {
        answer.manifest = manifest_;
        const auto manifest = load_manifest(manifest_);
        if (const auto* packed = find_build(manifest, program, answer.hash))
            answer.path = packed->path;
    }
    std::fputs(json_ ? (build_json(answer) + "\n").c_str() : build_text(answer).c_str(), stdout);
    const bool unknown = answer.manifest && !answer.path;
    return unknown ? node::process::ExitCode::failure : node::process::ExitCode::ok;
}

}  // namespace nightjar::relay::operation

#include "relay/operation/verify_command.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "relay/operation/answers.hpp"
#include "relay/operation/build.hpp"
#include "relay/operation/manifest.hpp"
#include "relay/operation/network_builds.hpp"
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

/// All in a file of descriptors, or in those files of a folder that begin with one.
std::vector<directory::Descriptor> load_published(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    const bool is_folder = fs::is_directory(path, error);
    std::vector<std::string> files;
    if (is_folder)
        for (const auto& entry : fs::directory_iterator{path, error})
            files.push_back(entry.path().string());
    else
        files.push_back(path);
    std::ranges::sort(files);
    std::vector<directory::Descriptor> all;
    for (const auto& file : files) {
        if (is_folder && !fs::is_regular_file(file, error)) continue;
        const auto text = read_bounded(file, published_size_max);
        if (is_folder && !begins_like_published(text)) continue;
        auto parsed = parse_published(text);
        if (!parsed)
            throw node::process::ConfigError{file + ": no valid descriptors: " + parsed.error() +
                                             "; fetch the file again"};
        std::ranges::move(*parsed, std::back_inserter(all));
    }
    if (all.empty())
        throw node::process::ConfigError{
            path +
            ": no file in it begins with a descriptor; name the folder that "
            "`nightjar-authority publish` wrote, or one of its files `descriptors.EPOCH`"};
    return all;
}

}  // namespace

VerifyCommand::VerifyCommand(CLI::App& app)
    : verb_{app.add_subcommand("verify-build",
                               "Show the hash of this program, and whether a release has it")} {
    verb_->add_option("--manifest", manifest_, "The release's MANIFEST; check its signature first");
    verb_->add_option("--descriptor", descriptor_,
                      "A relay's descriptor: check the hash that it names instead");
    verb_
        ->add_option("--descriptors", descriptors_,
                     "A file or folder of published descriptors: check the hash of each relay")
        ->excludes("--descriptor");
    verb_->add_flag("--json", json_, "Print JSON");
}

node::process::ExitCode VerifyCommand::run() const {
    if (!descriptors_.empty()) return run_over_many();
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

node::process::ExitCode VerifyCommand::run_over_many() const {
    std::optional<Manifest> manifest;
    if (!manifest_.empty()) manifest = load_manifest(manifest_);
    const auto relays = judge_builds(load_published(descriptors_), manifest);
    const auto name = manifest ? std::optional{manifest_} : std::nullopt;
    std::fputs(json_ ? (builds_json(relays, name) + "\n").c_str() : builds_text(relays).c_str(),
               stdout);
    const bool another = std::ranges::any_of(
        relays, [](const auto& each) { return each.verdict == RelayBuild::Verdict::other; });
    return another ? node::process::ExitCode::failure : node::process::ExitCode::ok;
}

}  // namespace nightjar::relay::operation

#include "relay/operation/document_file.hpp"

#include "sphinx/cell/control.hpp"
#include "sphinx/node/files/text_file.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {

using node::process::ExitCode;
using node::process::StartupError;

namespace {

std::string read_file(const std::filesystem::path& file) {
    auto text = node::files::read_file(file, cell::document_size_max);
    if (!text && text.error() == std::errc::no_such_file_or_directory) {
        throw StartupError{ExitCode::config, file.string() +
                                                 ": there is no network document; get the signed "
                                                 "one and put it there"};
    }
    if (!text) {
        throw StartupError{ExitCode::config,
                           file.string() + ": the network document cannot be read"};
    }
    if (text->size() > cell::document_size_max) {
        throw StartupError{ExitCode::config,
                           file.string() + ": larger than 1 MiB, so not a network document"};
    }
    return *std::move(text);
}

std::string hint(directory::Refusal refusal, const directory::Document& document, base::Wall now) {
    using directory::Refusal;
    const auto clock = "this machine's clock says " + base::utc_text(now);
    switch (refusal) {
        case Refusal::not_yet_valid:
            return "is valid only from " + base::utc_text(document.valid_from) + ", and " + clock +
                   "; set the clock, or wait";
        case Refusal::expired:
            return "expired at " + base::utc_text(document.valid_until) + ", and " + clock +
                   "; get a newer document, or set the clock";
        case Refusal::wrong_network:
            return "is of network \"" + document.network +
                   "\"; get the document of the network that the trust anchors name";
        case Refusal::older_epoch:
            return "is of epoch " + std::to_string(document.epoch.value) +
                   ", older than the one in use; get a newer one";
        case Refusal::two_positions:
            return "is refused: " + directory::reason(refusal, document) +
                   "; the authorities must sign another one";
        case Refusal::too_few_signatures:
        case Refusal::bad_signature:
            break;
    }
    return std::string{"is not to be trusted: "} + directory::to_string(refusal) +
           "; get it again from the authorities";
}

}  // namespace

DocumentFile::DocumentFile(std::filesystem::path file, directory::Anchors anchors)
    : file_{std::move(file)}, anchors_{std::move(anchors)} {}

DocumentFile::Stamp DocumentFile::stamp() const {
    struct stat status {};
    if (::stat(file_.c_str(), &status) != 0) return {};
    return {status.st_ino, status.st_size, status.st_ctim};
}

bool DocumentFile::changed_since_load() const {
    return early_ || !(stamp() == seen_);
}

directory::SignedDocument DocumentFile::load(base::Wall now, base::Epoch held) {
    early_ = false;
    seen_ = stamp();
    auto text = std::make_shared<const std::string>(read_file(file_));
    auto parsed = directory::parse(*text);
    if (!parsed) {
        const auto& error = parsed.error();
        throw node::process::ConfigError{file_.string() + ":" + std::to_string(error.line) +
                                         ":1: " + error.reason +
                                         "; get the document again from the authorities"};
    }
    auto document = std::make_shared<const directory::Document>(std::move(*parsed));
    const auto checked = directory::check(*document, anchors_, now, held);
    if (!checked) {
        const auto refusal = checked.error();
        early_ = refusal == directory::Refusal::not_yet_valid;
        const bool time = early_ || refusal == directory::Refusal::expired;
        throw StartupError{
            time ? ExitCode::not_ready : ExitCode::config,
            file_.string() + ": the network document " + hint(refusal, *document, now)};
    }
    return {std::move(document), std::move(text)};
}

}  // namespace nightjar::relay::operation

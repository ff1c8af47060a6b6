#include "relay/authority/verifying.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "sphinx/directory/signature.hpp"
#include "sphinx/node/files/text_file.hpp"

namespace nightjar::relay::authority {

namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& file) {
    auto text = node::files::read_file(file, directory::document_text_max);
    if (!text) throw std::system_error{text.error(), "cannot read " + file.string()};
    return *std::move(text);
}

Examined examine(const fs::path& file, const directory::Anchors& anchors) {
    Examined made;
    made.file = file.string();
    auto parsed = directory::parse(read(file));
    if (!parsed) {
        const auto& error = parsed.error();
        made.fault = "line " + std::to_string(error.line) + ": " + error.reason;
        return made;
    }
    made.document = *std::move(parsed);
    const auto& document = made.document;
    const auto text = directory::signed_text(document);
    const auto& known = anchors.authorities;
    for (const auto& signature : document.signatures)
        made.signers.push_back(
            {signature.authority,
             std::find(known.begin(), known.end(), signature.authority) != known.end(),
             directory::verifies(text, signature)});
    const auto checked = directory::check(document, anchors, document.valid_from, document.epoch);
    if (!checked) made.fault = directory::reason(checked.error(), document);
    return made;
}

std::vector<base::NodeId> signed_both(const Examined& a, const Examined& b) {
    std::vector<base::NodeId> both;
    for (const auto& one : a.signers)
        for (const auto& other : b.signers)
            if (one.authority == other.authority && one.listed && one.good && other.good)
                both.push_back(one.authority);
    return both;
}

void describe(std::ostream& out, const Examined& one) {
    const auto& document = one.document;
    out << one.file << ": " << (one.fault.empty() ? "valid" : "NOT VALID: " + one.fault) << '\n';
    if (document.network.empty()) return;
    out << "  network " << document.network << ", epoch " << document.epoch.value << ", from "
        << base::utc_text(document.valid_from) << " to " << base::utc_text(document.valid_until)
        << ", " << document.relays.size() << " relays\n";
    for (const auto& signer : one.signers)
        out << "  signed by " << base::to_hex(signer.authority.bytes)
            << (signer.listed ? "" : ", which is no authority of this network")
            << (signer.good ? "" : ", and the signature is bad") << '\n';
}

}  // namespace

Verdict verify(const std::vector<fs::path>& files, const directory::Anchors& anchors) {
    Verdict verdict;
    for (const auto& file : files)
        verdict.documents.push_back(examine(file, anchors));
    const auto& all = verdict.documents;
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::size_t j = i + 1; j < all.size(); ++j) {
            if (!directory::conflict(all[i].document, all[j].document)) continue;
            auto both = signed_both(all[i], all[j]);
            if (!both.empty()) verdict.conflicts.push_back({i, j, std::move(both)});
        }
    }
    return verdict;
}

std::string to_text(const Verdict& verdict) {
    std::ostringstream out;
    for (const auto& one : verdict.documents)
        describe(out, one);
    for (const auto& conflict : verdict.conflicts) {
        const auto& first = verdict.documents.at(conflict.first);
        out << "CONFLICT in epoch " << first.document.epoch.value << ": " << first.file << " and "
            << verdict.documents.at(conflict.second).file << " differ\n";
        for (const auto& authority : conflict.authorities)
            out << "  signed both: " << base::to_hex(authority.bytes) << '\n';
    }
    return out.str();
}

std::string to_json(const Verdict& verdict) {
    using Json = nlohmann::ordered_json;
    Json documents = Json::array(), conflicts = Json::array();
    for (const auto& one : verdict.documents) {
        Json signers = Json::array();
        for (const auto& signer : one.signers)
            signers.push_back({{"authority", base::to_hex(signer.authority.bytes)},
                               {"listed", signer.listed},
                               {"good", signer.good}});
        documents.push_back({{"file", one.file},
                             {"valid", one.fault.empty()},
                             {"fault", one.fault},
                             {"network", one.document.network},
                             {"epoch", one.document.epoch.value},
                             {"signers", signers}});
    }
    for (const auto& conflict : verdict.conflicts) {
        const auto& first = verdict.documents.at(conflict.first);
        Json authorities = Json::array();
        for (const auto& authority : conflict.authorities)
            authorities.push_back(base::to_hex(authority.bytes));
        conflicts.push_back({{"epoch", first.document.epoch.value},
                             {"files", {first.file, verdict.documents.at(conflict.second).file}},
                             {"signed_both", authorities}});
    }
    return Json{{"documents", documents}, {"conflicts", conflicts}}.dump(
        -1, ' ', true, Json::error_handler_t::replace);
}

node::process::ExitCode exit_code(const Verdict& verdict) {
    if (!verdict.conflicts.empty()) return node::process::ExitCode::failure;
    const auto valid = [](const Examined& one) { return one.fault.empty(); };
    const auto& all = verdict.documents;
    return std::all_of(all.begin(), all.end(), valid) ? node::process::ExitCode::ok
                                                      : node::process::ExitCode::config;
}

}  // namespace nightjar::relay::authority

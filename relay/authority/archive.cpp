#include "relay/authority/archive.hpp"

#include <cassert>
#include <charconv>
#include <map>
#include <system_error>

#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/files/text_file.hpp"

namespace nightjar::relay::authority {

namespace fs = std::filesystem;

namespace {

/// The number at the start of a file's name; nullopt for a file that is not ours, such as the rest
/// of a write that was interrupted.
std::optional<base::Epoch> epoch_of(const std::string& name) {
    base::Epoch epoch;
    const auto end = name.find('-');
    const auto* stop = name.data() + std::min(end, name.size());
    const auto [at, error] = std::from_chars(name.data(), stop, epoch.value);
    if (error != std::errc{} || at != stop) return std::nullopt;
    return epoch;
}

constexpr std::size_t hex_id = 2 * base::NodeId::size();

bool has_line(const std::string& text, const std::string& line) {
    return text.find("\n" + line + "\n") != text.npos;
}

std::string read(const fs::path& file, std::size_t size_max) {
    auto text = node::files::read_file(file, size_max);
    if (!text) throw std::system_error{text.error(), "cannot read " + file.string()};
    return *std::move(text);
}

}  // namespace

Archive::Archive(fs::path folder) : folder_{std::move(folder)} {
    for (const auto* name : {"documents", "descriptors", "listed"})
        fs::create_directories(folder_ / name);
    for (const auto& entry : fs::directory_iterator{folder_ / "documents"})
        if (const auto epoch = epoch_of(entry.path().filename())) signed_.insert(*epoch);
}

std::optional<std::string> Archive::document(base::Epoch epoch) const {
    if (!signed_.contains(epoch)) return std::nullopt;
    return read(folder_ / "documents" / std::to_string(epoch.value), directory::document_text_max);
}

void Archive::keep_document(base::Epoch epoch, const std::string& text) {
    assert(!signed_.contains(epoch));
    node::files::replace_file(folder_ / "documents" / std::to_string(epoch.value), text,
                              node::files::Durability::disk);
    signed_.insert(epoch);
    while (signed_.size() > documents_max) {
        fs::remove(folder_ / "documents" / std::to_string(signed_.begin()->value));
        signed_.erase(signed_.begin());
    }
}

std::vector<std::string> Archive::descriptors() const {
    std::multimap<base::Epoch, std::string> texts;
    for (const auto& entry : fs::directory_iterator{folder_ / "descriptors"})
        if (const auto epoch = epoch_of(entry.path().filename()))
            texts.emplace(*epoch, read(entry.path(), directory::descriptor_size_max));
    std::vector<std::string> in_order;
    for (auto& [epoch, text] : texts)
        in_order.push_back(std::move(text));
    return in_order;
}

void Archive::keep_descriptor(base::Epoch epoch, const base::NodeId& relay,
                              const std::string& text) {
    const auto name = std::to_string(epoch.value) + "-" + base::to_hex(relay.bytes);
    node::files::replace_file(folder_ / "descriptors" / name, text, node::files::Durability::disk);
}

void Archive::forget_descriptors_before(base::Epoch first) {
    if (first == descriptors_from_) return;
    for (const auto& entry : fs::directory_iterator{folder_ / "descriptors"}) {
        const auto epoch = epoch_of(entry.path().filename());
        if (epoch && *epoch < first) fs::remove(entry.path());
    }
    descriptors_from_ = first;
}

void Archive::keep_listed(const directory::Document& document,
                          const std::vector<std::string>& texts) {
    const auto begin = "epoch " + std::to_string(document.epoch.value);
    std::map<std::string, const std::string*> by_relay;
    for (const auto& text : texts) {
        constexpr std::string_view name = "\nrelay ";
        const auto at = text.find(name);
        if (at != text.npos && has_line(text, begin))
            by_relay[text.substr(at + name.size(), hex_id)] = &text;
    }
    std::vector<const std::string*> used;
    for (const auto& relay : document.relays) {
        const auto found = by_relay.find(base::to_hex(relay.identity.bytes));
        if (found != by_relay.end() &&
            has_line(*found->second, "relay.link-key " + base::to_hex(relay.link_key.bytes)) &&
            has_line(*found->second, "relay.mix-key " + base::to_hex(relay.mix_key.bytes)))
            used.push_back(found->second);
    }
    std::string all;
    for (const auto* text : used)
        if (all.size() + text->size() <= listed_size_max) all += *text;
    if (all.empty()) return;
    const auto folder = folder_ / "listed";
    node::files::replace_file(folder / std::to_string(document.epoch.value), all,
                              node::files::Durability::rename_only);
    std::set<base::Epoch> kept;
    for (const auto& entry : fs::directory_iterator{folder})
        if (const auto epoch = epoch_of(entry.path().filename())) kept.insert(*epoch);
    for (; kept.size() > listed_max; kept.erase(kept.begin()))
        fs::remove(folder / std::to_string(kept.begin()->value));
}

std::optional<std::string> Archive::listed(base::Epoch epoch) const {
    const auto file = folder_ / "listed" / std::to_string(epoch.value);
    std::error_code error;
    if (!fs::exists(file, error)) return std::nullopt;
    return read(file, listed_size_max);
}

}  // namespace nightjar::relay::authority

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

std::string read(const fs::path& file, std::size_t size_max) {
    auto text = node::files::read_file(file, size_max);
    if (!text) throw std::system_error{text.error(), "cannot read " + file.string()};
    return *std::move(text);
}

}  // namespace

Archive::Archive(fs::path folder) : folder_{std::move(folder)} {
    for (const auto* name : {"documents", "descriptors"})
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

}  // namespace nightjar::relay::authority

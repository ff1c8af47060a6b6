#include "sphinx/node/config/evidence.hpp"

#include <sodium.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "sphinx/directory/quorum.hpp"
#include "sphinx/node/files/atomic_file.hpp"

namespace nightjar::node::config {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "document.";

std::string name_of(base::Epoch epoch, std::string_view text) {
    std::array<std::uint8_t, 32> hash{};
    const auto bytes = base::as_bytes(text);
    crypto_generichash(hash.data(), hash.size(), bytes.data(), bytes.size(), nullptr, 0);
    return std::string{prefix} + std::to_string(epoch.value) + "." +
           base::to_hex(base::ByteView{hash}.first(16));
}

/// nullopt for the rest of a write that was interrupted, and for what others put there.
std::optional<base::Epoch> epoch_of(std::string_view name) {
    if (!name.starts_with(prefix)) return std::nullopt;
    base::Epoch epoch;
    const auto* end = name.data() + name.size();
    const auto [at, error] = std::from_chars(name.data() + prefix.size(), end, epoch.value);
    if (error != std::errc{} || at == end || *at != '.') return std::nullopt;
    return epoch;
}

}  // namespace

Evidence::Evidence(fs::path folder) {
    facts_.folder = std::move(folder);
    ::mkdir(facts_.folder.c_str(), 0700);  // where it fails, keep() says so
    std::error_code error;
    for (fs::directory_iterator at{facts_.folder, error}, end; !error && at != end;
         at.increment(error)) {
        auto name = at->path().filename().string();
        const auto epoch = epoch_of(name);
        if (!epoch || names_.size() == documents_max) continue;
        facts_.epoch = std::max(facts_.epoch, epoch);
        names_.insert(std::move(name));
    }
    facts_.documents = names_.size();
}

bool Evidence::is_name(const std::string& file) {
    return epoch_of(file).has_value();
}

void Evidence::keep(const directory::Document& document) {
    const auto text = directory::to_text(document);
    auto name = name_of(document.epoch, text);
    if (names_.contains(name)) return;
    if (names_.size() == documents_max)
        throw std::runtime_error{facts_.folder.string() + " is full with " +
                                 std::to_string(documents_max) +
                                 " documents; move them to another place"};
    // Its name follows from its text, so this replaces no other text.
    files::replace_file(facts_.folder / name, text, files::Durability::disk);
    names_.insert(std::move(name));
    facts_.documents = names_.size();
}

std::optional<std::string> Evidence::compare(const directory::Document& held,
                                             const directory::Document& other) {
    if (!directory::conflict(held, other)) return std::nullopt;
    facts_.epoch = std::max(facts_.epoch, std::optional{held.epoch});
    auto line = "ALARM: the authorities have signed two different documents of epoch " +
                std::to_string(held.epoch.value) + ", and the first one stays in use; ";
    try {
        keep(held);
        keep(other);
        line += "both are in " + facts_.folder.string() +
                ": show them to the authorities' operators (`nightjar-authority verify`)";
    } catch (const std::exception& error) {
        line += std::string{"not both could be kept: "} + error.what();
    }
    if (line == said_) return std::nullopt;
    said_ = line;
    return line;
}

}  // namespace nightjar::node::config

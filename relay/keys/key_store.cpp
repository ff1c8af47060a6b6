#include "relay/keys/key_store.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "sphinx/base/locked.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/files/runtime_dir.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::keys {

namespace fs = std::filesystem;
using node::files::UniqueFd;

namespace {

/// Filters of older layouts. A key that has one beside it counts as missing, because an older
/// version may have used it and recorded its tags only in that file.
constexpr std::array old_filter_extensions{".seen",   // 20 bits anywhere in the filter
                                           ".tags"};  // one part; a chain may follow in this layout

[[noreturn]] void fail(const fs::path& file, const char* what) {
    throw std::system_error{errno, std::generic_category(), file.string() + ": " + what};
}

void remove_file(const fs::path& file) {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) fail(file, "cannot be removed");
}

/// Overwrites a whole file with zeros in place: a tmpfs holds no other copies.
void overwrite(const UniqueFd& fd, const fs::path& file) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) fail(file, "cannot be wiped");
    static constexpr std::array<std::uint8_t, 65536> zeros{};
    for (off_t at = 0; at < status.st_size;) {
        const auto left = static_cast<std::size_t>(status.st_size - at);
        const auto n = ::pwrite(fd.get(), zeros.data(), std::min(left, zeros.size()), at);
        if (n <= 0) fail(file, "cannot be overwritten");
        at += n;
    }
}

/// Opens a file to overwrite it; no descriptor if there is no such file.
UniqueFd open_to_wipe(const fs::path& file) {
    UniqueFd fd{::open(file.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd && errno != ENOENT) fail(file, "cannot be wiped");
    return fd;
}

void overwrite_and_remove(const fs::path& file) {
    const auto fd = open_to_wipe(file);
    if (fd) overwrite(fd, file);
    remove_file(file);
}

struct KeyName {
    std::int64_t epoch_length = 0;
    base::Epoch epoch;
};

/// Parses "3600-482911.key" as {3600, 482911}; nullopt for the names of other files.
std::optional<KeyName> parse_name(const std::string& name, std::string_view extension) {
    KeyName parsed;
    const char* end = name.data() + name.size();
    const auto length = std::from_chars(name.data(), end, parsed.epoch_length);
    if (length.ec != std::errc{} || length.ptr == end || *length.ptr != '-') return std::nullopt;
    const auto epoch = std::from_chars(length.ptr + 1, end, parsed.epoch.value);
    if (epoch.ec != std::errc{} || std::string_view{epoch.ptr, end} != extension) return {};
    return parsed;
}

std::optional<KeyName> parse_name(const std::string& name,
                                  std::span<const char* const> extensions) {
    for (const auto* extension : extensions)
        if (auto parsed = parse_name(name, extension)) return parsed;
    return std::nullopt;
}

UniqueFd lock_directory(const fs::path& directory) {
    const auto file = directory / "lock";
    UniqueFd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd) fail(file, "cannot be opened");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        throw node::process::StartupError{
            node::process::ExitCode::failure,
            directory.string() +
                ": another nightjar-relay uses this runtime directory; stop "
                "it, or name another directory"};
    }
    return fd;
}

}  // namespace

KeyStore::KeyStore(fs::path directory, base::Seconds epoch_length, std::uint64_t packets)
    : directory_{std::move(directory)},
      epoch_length_{epoch_length},
      packets_{packets},
      filter_thread_{std::make_shared<FilterThread>()} {
    if (sodium_init() < 0) throw std::runtime_error{"libsodium does not start"};
    node::files::prepare_runtime_dir(directory_);
    lock_ = lock_directory(directory_);
    // A process that was killed may have left parts that were not in use.
    remove_file(spare_file());
    std::vector<fs::path> growing;
    for (const auto& entry : fs::directory_iterator{directory_})
        if (parse_name(entry.path().filename().string(), growing_extension))
            growing.push_back(entry.path());
    for (const auto& path : growing)
        remove_file(path);
}

KeyStore::~KeyStore() {
    filter_thread_->jobs.join();
    if (spare_.valid()) ::unlink(spare_file().c_str());
}

fs::path KeyStore::file(base::Epoch epoch, const char* extension) const {
    return directory_ /
           (std::to_string(epoch_length_.count()) + "-" + std::to_string(epoch.value) + extension);
}

void KeyStore::prepare() {
    if (spare_.valid()) return;
    spare_ = filter_thread_->run(
        [file = spare_file(), size = core::ReplayFilter::next_part(packets_, {})] {
            return new_part(file, size);
        });
}

bool KeyStore::prepared() const {
    return spare_.valid() && spare_.wait_for(base::Seconds{0}) == std::future_status::ready;
}

std::unique_ptr<MappedFile> KeyStore::make(base::Epoch epoch) {
    wipe(epoch);
    prepare();
    auto bits = spare_.get();
    // Name the filter first: a crash in between leaves a filter without a key, which is harmless.
    name_part(spare_file(), file(epoch, part_extensions[0]));
    node::files::write_key(file(epoch, key_extension), node::files::KeyKind::mix,
                           node::files::new_key());
    return bits;
}

/// The number of parts of the key's filter; 0 if the key is missing, or cannot be used because some
/// of what it has seen is missing.
std::size_t KeyStore::usable_parts(base::Epoch epoch) const {
    const auto is_there = [&](const char* extension) { return fs::exists(file(epoch, extension)); };
    if (!is_there(key_extension)) return 0;
    if (std::any_of(old_filter_extensions.begin(), old_filter_extensions.end(), is_there)) return 0;
    const auto gap = std::find_if_not(part_extensions.begin(), part_extensions.end(), is_there);
    if (std::any_of(gap, part_extensions.end(), is_there)) return 0;
    return static_cast<std::size_t>(gap - part_extensions.begin());
}

KeyStore::Stored KeyStore::take(base::Epoch epoch) {
    const auto key_path = file(epoch, key_extension);
    const auto count = usable_parts(epoch);
    StoredFilter::Parts parts;
    if (count == 0) parts.push_back(make(epoch));
    for (std::size_t i = 0; i < count; ++i)
        parts.push_back(std::make_unique<MappedFile>(file(epoch, part_extensions[i]), O_RDWR,
                                                     core::ReplayFilter::line_size));
    auto seen = std::make_unique<StoredFilter>(std::move(parts), count == 0, file(epoch, ""),
                                               packets_, filter_thread_);
    auto secret = node::files::read_key(key_path, node::files::KeyKind::mix);
    const auto public_key = packet::public_key_of(secret);
    const auto key = std::make_shared<base::Locked<core::MixKeyPair>>(
        core::MixKeyPair{epoch, {std::move(secret), public_key}});
    filter_thread_->memory_locked &= key->locked();
    return {{key, &**key}, std::move(seen), count == 0};
}

void KeyStore::check_growth() {
    if (const auto error = std::exchange(filter_thread_->growth_failed, nullptr))
        std::rethrow_exception(error);
}

void KeyStore::wipe(base::Epoch epoch) {
    // Remove the key first: without it no packet consults the filter.
    overwrite_and_remove(file(epoch, key_extension));
    for (const auto* extension : part_extensions)
        wipe_later(file(epoch, extension));
    for (const auto* extension : old_filter_extensions)
        wipe_later(file(epoch, extension));
    std::vector<std::future<void>> ended;
    std::erase_if(wiping_, [&ended](auto& one) {
        if (one.wait_for(base::Seconds{0}) != std::future_status::ready) return false;
        ended.push_back(std::move(one));
        return true;
    });
    for (auto& one : ended)
        one.get();
}

void KeyStore::wipe_later(const fs::path& file) {
    auto fd = open_to_wipe(file);
    remove_file(file);
    if (!fd) return;
    wiping_.push_back(filter_thread_->run([fd = std::move(fd), file] { overwrite(fd, file); }));
}

void KeyStore::finish_wiping() {
    for (auto& one : std::exchange(wiping_, {}))
        one.get();
}

void KeyStore::wipe_before(base::Epoch first) {
    std::vector<fs::path> keys;
    std::vector<fs::path> filters;
    for (const auto& entry : fs::directory_iterator{directory_}) {
        const auto name = entry.path().filename().string();
        const auto key = parse_name(name, key_extension);
        const auto part = parse_name(name, part_extensions);
        const auto& parsed = key ? key : part;
        if (parsed && (parsed->epoch_length != epoch_length_.count() || parsed->epoch < first))
            (key ? keys : filters).push_back(entry.path());
        if (parse_name(name, old_filter_extensions)) {
            auto beside = entry.path();
            filters.push_back(beside);
            for (const auto* extension : part_extensions)
                filters.push_back(beside.replace_extension(extension));
            keys.push_back(beside.replace_extension(key_extension));
        }
    }
    for (const auto& path : keys)
        overwrite_and_remove(path);
    for (const auto& path : filters)
        overwrite_and_remove(path);
}

std::vector<base::Epoch> KeyStore::epochs() const {
    std::vector<base::Epoch> all;
    for (const auto& entry : fs::directory_iterator{directory_}) {
        const auto parsed = parse_name(entry.path().filename().string(), key_extension);
        if (parsed && parsed->epoch_length == epoch_length_.count()) all.push_back(parsed->epoch);
    }
    return all;
}

}  // namespace nightjar::relay::keys

#include "relay/keys/key_store.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <new>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>

#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/files/runtime_dir.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::keys {

namespace fs = std::filesystem;
using node::files::UniqueFd;

namespace {

constexpr auto key_extension = ".key";
/// The extension names the layout of the bits: a filter that is read with another layout would take
/// seen tags for new ones. A new layout therefore gets a new extension. A key that has a file of an
/// old layout beside it counts as missing, because an older version may have used it and recorded
/// its tags only in that file.
constexpr auto filter_extension = ".tags";
constexpr auto old_filter_extension = ".seen";  // 20 bits anywhere in the filter

[[noreturn]] void fail(const fs::path& file, const char* what) {
    throw std::system_error{errno, std::generic_category(), file.string() + ": " + what};
}

}  // namespace

/// A whole file, mapped shared into memory.
class KeyStore::Mapping {
 public:
    /// Throws node::KeyError if the file is empty or its size is not a multiple of `unit` bytes.
    /// Precondition: unit > 0.
    Mapping(const fs::path& file, int flags, std::size_t unit) {
        const UniqueFd fd{::open(file.c_str(), flags | O_NOFOLLOW | O_CLOEXEC)};
        struct stat status {};
        if (!fd || ::fstat(fd.get(), &status) != 0) fail(file, "cannot be opened");
        size_ = static_cast<std::size_t>(status.st_size);
        if (size_ == 0 || size_ % unit != 0)
            throw node::process::KeyError{file.string() + ": is cut short; remove it"};
        const int protection = (flags & O_ACCMODE) == O_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE;
        data_ = ::mmap(nullptr, size_, protection, MAP_SHARED, fd.get(), 0);
        if (data_ == MAP_FAILED) fail(file, "cannot be mapped");
        locked_ = ::mlock(data_, size_) == 0;
        ::madvise(data_, size_, MADV_DONTDUMP);
    }
    ~Mapping() { ::munmap(data_, size_); }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    base::ByteSpan bytes() { return {static_cast<std::uint8_t*>(data_), size_}; }
    bool locked() const { return locked_; }

 private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
    bool locked_ = false;
};

namespace {

/// Runs a job on the store's thread, after all earlier ones.
template <class Job>
auto later(boost::asio::thread_pool& thread, Job job) {
    std::packaged_task<std::invoke_result_t<Job>()> task{std::move(job)};
    auto result = task.get_future();
    boost::asio::post(thread, [task = std::move(task)]() mutable { task(); });
    return result;
}

/// A filter over its mapped file. The key's file is mapped as well, only to lock its page in
/// memory.
class StoredFilter final : public core::ReplayFilter {
 public:
    StoredFilter(std::unique_ptr<KeyStore::Mapping> bits, const fs::path& key,
                 std::shared_ptr<boost::asio::thread_pool> thread)
        : core::ReplayFilter{bits->bytes()},
          bits_{std::move(bits)},
          key_{key, O_RDONLY, 1},
          thread_{std::move(thread)} {}
    ~StoredFilter() override {
        boost::asio::post(*thread_, [bits = std::move(bits_)] {});  // unmapped there
    }
    bool memory_locked() const { return bits_->locked() && key_.locked(); }

 private:
    std::unique_ptr<KeyStore::Mapping> bits_;
    KeyStore::Mapping key_;
    std::shared_ptr<boost::asio::thread_pool> thread_;
};

/// Puts the key into its own pages: locked in memory, excluded from core dumps, between guard
/// pages, read-only.
std::shared_ptr<const core::MixKeyPair> guarded(base::Epoch epoch, packet::SecretKey secret) {
    void* memory = sodium_malloc(sizeof(core::MixKeyPair));
    if (memory == nullptr) throw std::bad_alloc{};
    const auto public_key = packet::public_key_of(secret);
    auto* key = new (memory) core::MixKeyPair{epoch, {std::move(secret), public_key}};
    sodium_mprotect_readonly(memory);
    const auto release = [](core::MixKeyPair* one) {
        sodium_mprotect_readwrite(one);
        std::destroy_at(one);
        sodium_free(one);
    };
    return std::shared_ptr<core::MixKeyPair>{key, release};
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

void remove_file(const fs::path& file) {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) fail(file, "cannot be removed");
}

void overwrite_and_remove(const fs::path& file) {
    const auto fd = open_to_wipe(file);
    if (fd) overwrite(fd, file);
    remove_file(file);
}

/// Allocates the whole filter now, so that no later write to the mapping can fail.
void create_filter(const fs::path& file, std::size_t size) {
    const UniqueFd fd{
        ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd) fail(file, "cannot be made");
    errno = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size));
    if (errno != 0) fail(file, "there is no room for a replay filter in the runtime directory");
}

/// Makes and maps an empty filter. A failed attempt must not stop the next one, so the file of an
/// earlier one is removed. Nor does it leave a file, which would take memory.
std::unique_ptr<KeyStore::Mapping> new_filter(const fs::path& file, std::size_t size) {
    remove_file(file);
    try {
        create_filter(file, size);
        return std::make_unique<KeyStore::Mapping>(file, O_RDWR, core::ReplayFilter::line_size);
    } catch (...) {
        ::unlink(file.c_str());
        throw;
    }
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
      filter_bytes_{core::ReplayFilter::bytes_for(packets)},
      thread_{std::make_shared<boost::asio::thread_pool>(1)} {
    if (sodium_init() < 0) throw std::runtime_error{"libsodium does not start"};
    node::files::prepare_runtime_dir(directory_);
    lock_ = lock_directory(directory_);
    remove_file(spare_file());  // a process that was killed may have left one, all zeros
}

KeyStore::~KeyStore() {
    thread_->join();
    if (spare_.valid()) ::unlink(spare_file().c_str());
}

fs::path KeyStore::file(base::Epoch epoch, const char* extension) const {
    return directory_ /
           (std::to_string(epoch_length_.count()) + "-" + std::to_string(epoch.value) + extension);
}

void KeyStore::prepare() {
    if (spare_.valid()) return;
    spare_ = later(*thread_,
                   [file = spare_file(), size = filter_bytes_] { return new_filter(file, size); });
}

bool KeyStore::prepared() const {
    return spare_.valid() && spare_.wait_for(base::Seconds{0}) == std::future_status::ready;
}

std::unique_ptr<KeyStore::Mapping> KeyStore::make(base::Epoch epoch) {
    wipe(epoch);
    prepare();
    auto bits = spare_.get();
    // Name the filter first: a crash in between leaves a filter without a key, which is harmless.
    const auto named = file(epoch, filter_extension);
    if (::rename(spare_file().c_str(), named.c_str()) != 0) {
        const int reason = errno;
        ::unlink(spare_file().c_str());
        errno = reason;
        fail(named, "cannot be made");
    }
    node::files::write_key(file(epoch, key_extension), node::files::KeyKind::mix,
                           node::files::new_key());
    return bits;
}

KeyStore::Stored KeyStore::take(base::Epoch epoch) {
    const auto key_path = file(epoch, key_extension);
    const auto seen_path = file(epoch, filter_extension);
    const bool fresh = !fs::exists(key_path) || !fs::exists(seen_path) ||
                       fs::exists(file(epoch, old_filter_extension));
    auto bits = fresh ? make(epoch)
                      : std::make_unique<Mapping>(seen_path, O_RDWR, core::ReplayFilter::line_size);
    auto seen = std::make_unique<StoredFilter>(std::move(bits), key_path, thread_);
    memory_locked_ = memory_locked_ && seen->memory_locked();
    auto key = guarded(epoch, node::files::read_key(key_path, node::files::KeyKind::mix));
    return {std::move(key), std::move(seen), fresh};
}

void KeyStore::wipe(base::Epoch epoch) {
    // Remove the key first: without it no packet consults the filter.
    overwrite_and_remove(file(epoch, key_extension));
    wipe_later(file(epoch, filter_extension));
    wipe_later(file(epoch, old_filter_extension));
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
    wiping_.push_back(later(*thread_, [fd = std::move(fd), file] { overwrite(fd, file); }));
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
        const auto filter = parse_name(name, filter_extension);
        const auto& parsed = key ? key : filter;
        if (parsed && (parsed->epoch_length != epoch_length_.count() || parsed->epoch < first))
            (key ? keys : filters).push_back(entry.path());
        if (parse_name(name, old_filter_extension)) {
            auto beside = entry.path();
            filters.push_back(beside);
            filters.push_back(beside.replace_extension(filter_extension));
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

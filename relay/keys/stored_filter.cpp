#include "relay/keys/stored_filter.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "sphinx/base/time.hpp"
#include "sphinx/node/files/unique_fd.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::keys {

namespace fs = std::filesystem;
using node::files::UniqueFd;

namespace {

[[noreturn]] void fail(const fs::path& file, const char* what) {
    throw std::system_error{errno, std::generic_category(), file.string() + ": " + what};
}

/// Allocates the whole part now, so that no later write to the mapping can fail.
void create_part(const fs::path& file, std::size_t size) {
    const UniqueFd fd{
        ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd) fail(file, "cannot be made");
    errno = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size));
    if (errno != 0) fail(file, "there is no room for a replay filter in the runtime directory");
}

}  // namespace

MappedFile::MappedFile(const fs::path& file, int flags, std::size_t unit) {
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

MappedFile::~MappedFile() {
    ::munmap(data_, size_);
}

std::unique_ptr<MappedFile> new_part(const fs::path& file, std::size_t size) {
    // A failed attempt must not stop the next one, so the file of an earlier one is removed.
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) fail(file, "cannot be removed");
    try {
        create_part(file, size);
        return std::make_unique<MappedFile>(file, O_RDWR, core::ReplayFilter::line_size);
    } catch (...) {
        ::unlink(file.c_str());
        throw;
    }
}

void name_part(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) == 0) return;
    const int reason = errno;
    ::unlink(from.c_str());
    errno = reason;
    fail(to, "cannot be made");
}

StoredFilter::StoredFilter(Parts parts, bool fresh, fs::path stem, std::uint64_t packets,
                           std::shared_ptr<FilterThread> thread)
    : core::ReplayFilter{parts.front()->bytes(), tags_of(parts, 0, fresh)},
      parts_{std::move(parts)},
      stem_{std::move(stem)},
      key_{with(key_extension), O_RDONLY, 1},
      packets_{packets},
      thread_{std::move(thread)} {
    for (std::size_t i = 1; i < parts_.size(); ++i)
        add_part(parts_[i]->bytes(), tags_of(parts_, i, fresh));
    for (const auto& part : parts_)
        thread_->memory_locked &= part->locked();
    thread_->memory_locked &= key_.locked();
}

StoredFilter::~StoredFilter() {
    // Unmapped there, after the part that may still be in the making. That one is not needed.
    boost::asio::post(thread_->jobs, [parts = std::move(parts_), next = std::move(next_),
                                      file = with(growing_extension)] {
        if (next.valid()) ::unlink(file.c_str());
    });
}

fs::path StoredFilter::with(const char* extension) const {
    return stem_.string() + extension;
}

/// A part that is not the last one holds what it is made for, if not more.
std::uint64_t StoredFilter::tags_of(const Parts& parts, std::size_t i, bool fresh) {
    if (fresh) return 0;
    const auto bytes = parts[i]->bytes();
    return i + 1 < parts.size() ? bytes.size() / line_size * tags_of_line : tags_in(bytes);
}

void StoredFilter::prepare_part() {
    if (next_.valid()) return;
    std::vector<std::size_t> sizes;
    for (const auto& part : parts_)
        sizes.push_back(part->bytes().size());
    const auto size = next_part(packets_, sizes);
    if (size == 0) return;
    next_ = thread_->run([file = with(growing_extension), size] { return new_part(file, size); });
}

base::ByteSpan StoredFilter::take_part() {
    if (!next_.valid() || next_.wait_for(base::Seconds{0}) != std::future_status::ready) return {};
    try {
        auto part = next_.get();
        // Its name first: a crash before its first tag leaves a part that is empty.
        name_part(with(growing_extension), with(part_extensions[parts_.size()]));
        thread_->memory_locked &= part->locked();
        return parts_.emplace_back(std::move(part))->bytes();
    } catch (const std::exception&) {
        thread_->growth_failed = std::current_exception();
        return {};
    }
}

}  // namespace nightjar::relay::keys

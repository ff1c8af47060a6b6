// A replay filter in files that are mapped into memory, and the thread that makes and unmaps them.
// Internal to the key store, which names the files and removes them (key_store.hpp).
#pragma once

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <filesystem>
#include <future>
#include <memory>
#include <type_traits>
#include <vector>

#include "relay/core/replay_filter.hpp"

namespace nightjar::relay::keys {

constexpr auto key_extension = ".key";
/// Of a filter's parts, in order. The extension names the layout of the bits: a filter that is read
/// with another layout would take seen tags for new ones. So a new layout gets new extensions.
constexpr std::array part_extensions{".part0", ".part1", ".part2", ".part3", ".part4"};
static_assert(part_extensions.size() == core::ReplayFilter::parts_max);
constexpr auto growing_extension = ".growing";

/// A whole file, mapped shared into memory, and locked there if the system allows it.
class MappedFile {
 public:
    /// Throws std::system_error; node::KeyError if the file is empty or its size is not a multiple
    /// of `unit` bytes. Precondition: unit > 0.
    MappedFile(const std::filesystem::path& file, int flags, std::size_t unit);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    base::ByteSpan bytes() { return {static_cast<std::uint8_t*>(data_), size_}; }
    bool locked() const { return locked_; }

 private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
    bool locked_ = false;
};

/// Makes and maps a part of a filter, all zeros. Any thread. Leaves no file if it throws
/// std::system_error.
std::unique_ptr<MappedFile> new_part(const std::filesystem::path& file, std::size_t size);
/// Gives a part its name. Throws std::system_error; then the part is removed, because it takes
/// memory.
void name_part(const std::filesystem::path& from, const std::filesystem::path& to);

/// What a store and its filters share. A filter may outlive the store.
struct FilterThread {
    boost::asio::thread_pool jobs{1};  // one thread, so jobs run in order
    // I/O thread only:
    bool memory_locked = true;         // false if the system has refused it
    std::exception_ptr growth_failed;  // why a filter last could not grow

    /// Runs a job on the thread, after all earlier ones.
    template <class Job>
    auto run(Job job) {
        std::packaged_task<std::invoke_result_t<Job>()> task{std::move(job)};
        auto result = task.get_future();
        boost::asio::post(jobs, [task = std::move(task)]() mutable { task(); });
        return result;
    }
};

/// A filter over its mapped files. The key's file is mapped as well, only to lock its page in
/// memory. I/O thread only.
class StoredFilter final : public core::ReplayFilter {
 public:
    using Parts = std::vector<std::unique_ptr<MappedFile>>;

    /// `stem`: the path of the key's files without the extension. `packets`: what the filter is
    /// made for. `fresh`: the parts are all zeros; if not, the last one is read. Precondition:
    /// there is a part, and the key's file.
    StoredFilter(Parts parts, bool fresh, std::filesystem::path stem, std::uint64_t packets,
                 std::shared_ptr<FilterThread> thread);
    ~StoredFilter() override;

 private:
    std::filesystem::path with(const char* extension) const;
    static std::uint64_t tags_of(const Parts& parts, std::size_t i, bool fresh);
    void prepare_part() override;
    base::ByteSpan take_part() override;

    Parts parts_;
    std::filesystem::path stem_;
    MappedFile key_;
    std::uint64_t packets_;
    std::shared_ptr<FilterThread> thread_;
    std::future<std::unique_ptr<MappedFile>> next_;  // of prepare_part()
};

}  // namespace nightjar::relay::keys

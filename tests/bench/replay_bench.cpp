// What a replay tag costs: a filter at its design load, in a tmpfs as a relay has it (pages of 4
// KiB, memory that lies in no cache). The argument is how many packets a second it is sized for,
// over an hour.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "relay/replay_filter.hpp"
#include "sphinx/base/random.hpp"

namespace {

using namespace nightjar;

/// A nameless file in /dev/shm, mapped; zeros.
class Tmpfs {
 public:
    explicit Tmpfs(std::size_t size) : size_{size} {
        std::string name{"/dev/shm/nightjar-bench-XXXXXX"};
        const int fd = ::mkstemp(name.data());
        if (fd < 0) fail("cannot make a file in /dev/shm");
        ::unlink(name.c_str());
        errno = ::posix_fallocate(fd, 0, static_cast<off_t>(size_));
        if (errno == 0) data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ::close(fd);
        if (data_ == MAP_FAILED) fail("cannot map a file of /dev/shm");
    }
    ~Tmpfs() { ::munmap(data_, size_); }
    Tmpfs(const Tmpfs&) = delete;
    Tmpfs& operator=(const Tmpfs&) = delete;
    base::ByteSpan bytes() { return {static_cast<std::uint8_t*>(data_), size_}; }

 private:
    [[noreturn]] static void fail(const char* what) {
        throw std::system_error{errno, std::generic_category(), what};
    }
    void* data_ = MAP_FAILED;
    std::size_t size_ = 0;
};

void insert(benchmark::State& state) {
    const auto packets = static_cast<std::uint64_t>(state.range(0)) * 3600;
    Tmpfs memory{relay::ReplayFilter::bytes_for(packets)};
    base::SeededRandom random{1};
    random.fill(memory.bytes());
    relay::ReplayFilter filter{memory.bytes()};
    std::vector<packet::ReplayTag> tags(100'000);
    for (auto& tag : tags)
        tag = random.id<packet::ReplayTag>();
    std::size_t next = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(filter.insert(tags[next]));
        next = (next + 1) % tags.size();
    }
    state.counters["MB"] = static_cast<double>(memory.bytes().size()) / 1e6;
}
BENCHMARK(insert)->Name("replay tag")->Arg(1'000)->Arg(10'000);

}  // namespace

BENCHMARK_MAIN();

#include "relay/keys/key_store.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>
#include <vector>

#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::keys;
namespace fs = std::filesystem;

namespace {

constexpr base::Seconds epoch_length{3600};
constexpr std::uint64_t packets = 1000;

packet::ReplayTag tag(std::uint8_t fill) {
    packet::ReplayTag tag;
    tag.bytes.fill(fill);
    return tag;
}

/// Processor time of this thread.
double thread_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::set<std::string> files(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator{folder})
        names.insert(entry.path().filename().string());
    return names;
}

}  // namespace

TEST_CASE("key store: a key and what its filter has seen outlive the process") {
    const test::TemporaryFolder folder;
    // A child process that exits abruptly simulates a crash. Tags that it recorded must still be
    // there.
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        KeyStore store{folder.path(), epoch_length, packets};
        auto stored = store.take({7});
        const bool fresh = stored.fresh && stored.seen->insert(tag(1));
        ::kill(::getpid(), fresh ? SIGKILL : SIGUSR1);
        ::_exit(1);
    }
    int how = 0;
    REQUIRE(::waitpid(child, &how, 0) == child);
    REQUIRE(WIFSIGNALED(how));
    REQUIRE(WTERMSIG(how) == SIGKILL);

    KeyStore store{folder.path(), epoch_length, packets};
    const auto again = store.take({7});
    CHECK(!again.fresh);
    CHECK(!again.seen->insert(tag(1)));
    CHECK(again.seen->insert(tag(2)));
    CHECK(store.take({8}).key->keys.public_key != again.key->keys.public_key);
}

TEST_CASE("key store: a key whose filter is gone is not used again") {
    const test::TemporaryFolder folder;
    packet::PublicKey first;
    {
        KeyStore store{folder.path(), epoch_length, packets};
        first = store.take({7}).key->keys.public_key;
    }
    fs::remove(folder.path() / "3600-7.part0");
    KeyStore store{folder.path(), epoch_length, packets};
    const auto second = store.take({7});
    CHECK(second.fresh);
    CHECK(second.key->keys.public_key != first);
}

TEST_CASE("key store: a key that a version with another layout of filters has used is wiped") {
    // Such a version leaves "3600-7.seen" or "3600-7.tags". After an upgrade it is alone beside its
    // key; after a downgrade and another upgrade there is also a stale filter of ours.
    for (const auto* old : {"3600-7.seen", "3600-7.tags"}) {
        for (const bool stale : {false, true}) {
            for (const bool cleaned : {false, true}) {
                CAPTURE(old);
                CAPTURE(stale);
                CAPTURE(cleaned);
                const test::TemporaryFolder folder;
                packet::PublicKey first;
                {
                    KeyStore store{folder.path(), epoch_length, packets};
                    first = store.take({7}).key->keys.public_key;
                }
                // Each layout has a name of its own.
                REQUIRE(fs::exists(folder.path() / "3600-7.part0"));
                fs::copy(folder.path() / "3600-7.part0", folder.path() / old);
                if (stale)
                    fs::copy(folder.path() / "3600-7.part0", folder.path() / "3600-7.part1");
                else
                    fs::remove(folder.path() / "3600-7.part0");
                KeyStore store{folder.path(), epoch_length, packets};
                if (cleaned) {
                    store.wipe_before({6});
                    CHECK(files(folder.path()) == std::set<std::string>{"lock"});
                }
                const auto second = store.take({7});
                CHECK(second.fresh);
                CHECK(second.key->keys.public_key != first);
                CHECK(files(folder.path()) ==
                      std::set<std::string>{"3600-7.key", "3600-7.part0", "lock"});
            }
        }
    }
}

TEST_CASE("key store: a filter of a size that none has is refused by name") {
    const test::TemporaryFolder folder;
    KeyStore store{folder.path(), epoch_length, packets};
    store.take({7});
    for (const std::uintmax_t size : {0, 63, 65}) {
        fs::resize_file(folder.path() / "3600-7.part0", size);
        CHECK_THROWS_WITH_AS(store.take({7}),
                             doctest::Contains("3600-7.part0: is cut short; remove it"),
                             node::process::KeyError);
    }
}

TEST_CASE("key store: a key goes before its filter") {
    // A filter that cannot be overwritten simulates a crash between the two steps.
    for (const bool all : {false, true}) {
        CAPTURE(all);
        const test::TemporaryFolder folder;
        KeyStore store{folder.path(), epoch_length, packets};
        store.take({7});
        fs::remove(folder.path() / "3600-7.part0");
        fs::create_directory(folder.path() / "3600-7.part0");
        if (all)
            CHECK_THROWS(store.wipe_before({8}));
        else
            CHECK_THROWS(store.wipe({7}));
        CHECK_FALSE(fs::exists(folder.path() / "3600-7.key"));
    }
}

TEST_CASE("key store: wiping overwrites before it removes") {
    const test::TemporaryFolder folder;
    KeyStore store{folder.path(), epoch_length, packets};
    store.take({7}).seen->insert(tag(1));
    // A hard link to the file shows what is left of its content.
    for (const auto* extension : {".key", ".part0"}) {
        fs::create_hard_link(folder.path() / (std::string{"3600-7"} + extension),
                             folder.path() / (std::string{"kept"} + extension));
    }
    store.wipe({7});
    CHECK(files(folder.path()) == std::set<std::string>{"kept.key", "kept.part0", "lock"});
    store.finish_wiping();
    for (const auto* name : {"kept.key", "kept.part0"}) {
        std::ifstream file{folder.path() / name, std::ios::binary};
        const std::string content{std::istreambuf_iterator<char>{file}, {}};
        CHECK(content.size() > 64);
        CHECK(content.find_first_not_of('\0') == std::string::npos);
    }
}

TEST_CASE("key store: what a fast relay's filter costs is not paid by the caller's thread") {
    constexpr std::uint64_t many = 600'000'000;  // a first part of 32 MB
    const test::TemporaryFolder folder;
    // What it costs this thread to make and to overwrite such a file itself.
    std::array<double, 2> by_hand{};
    {
        const auto file = folder.path() / "by-hand";
        const std::vector<char> zeros(core::ReplayFilter::next_part(many, {}));
        for (auto& cost : by_hand) {
            const auto began = thread_seconds();
            std::ofstream{file, std::ios::binary | std::ios::in | std::ios::out |
                                    (&cost == &by_hand[0] ? std::ios::trunc : std::ios::ate)}
                .seekp(0)
                .write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
            cost = thread_seconds() - began;
        }
        fs::remove(file);
    }
    KeyStore store{folder.path() / "run", epoch_length, many};
    store.prepare();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!store.prepared() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    REQUIRE(store.prepared());
    CHECK(files(folder.path() / "run") == std::set<std::string>{"lock", "spare"});

    auto began = thread_seconds();
    auto stored = store.take({7});
    CHECK(stored.fresh);
    CHECK(thread_seconds() - began < by_hand[0] / 4);
    CHECK_FALSE(store.prepared());
    CHECK(files(folder.path() / "run") ==
          std::set<std::string>{"3600-7.key", "3600-7.part0", "lock"});
    CHECK(stored.seen->insert(tag(1)));
    CHECK(!stored.seen->insert(tag(1)));

    began = thread_seconds();
    stored = {};
    store.wipe({7});
    CHECK(thread_seconds() - began < by_hand[1] / 2);
    CHECK(files(folder.path() / "run") == std::set<std::string>{"lock"});
    store.finish_wiping();
}

TEST_CASE("key store: a spare filter ends with its store") {
    const test::TemporaryFolder folder;
    {
        KeyStore store{folder.path(), epoch_length, packets};
        store.prepare();
    }
    CHECK(files(folder.path()) == std::set<std::string>{"lock"});
    // A process that was killed leaves one.
    std::ofstream{folder.path() / "spare"} << "left";
    KeyStore store{folder.path(), epoch_length, packets};
    CHECK(files(folder.path()) == std::set<std::string>{"lock"});
    CHECK(store.take({7}).fresh);
}

TEST_CASE("key store: keys of ended epochs and of other epoch lengths go at start-up") {
    const test::TemporaryFolder folder;
    {
        KeyStore other{folder.path(), base::Seconds{120}, packets};
        other.take({900});
    }
    KeyStore store{folder.path(), epoch_length, packets};
    for (const std::uint32_t epoch : {5, 6, 7})
        store.take({epoch});
    store.wipe_before({6});
    CHECK(files(folder.path()) == std::set<std::string>{"3600-6.key", "3600-6.part0", "3600-7.key",
                                                        "3600-7.part0", "lock"});
    CHECK(store.epochs().size() == 2);
}

TEST_CASE("key store: one process at a time") {
    const test::TemporaryFolder folder;
    const KeyStore first{folder.path(), epoch_length, packets};
    CHECK_THROWS_AS((KeyStore{folder.path(), epoch_length, packets}), node::process::StartupError);
}

TEST_CASE("key store: only on a tmpfs of our own") {
    const auto on_disk = fs::current_path() / "key-store-on-disk";
    CHECK_THROWS_AS((KeyStore{on_disk, epoch_length, packets}), node::process::KeyError);
    CHECK_FALSE(fs::exists(on_disk));
    fs::create_directory(on_disk);  // a directory that existed before is not removed
    fs::permissions(on_disk, fs::perms::owner_all);
    CHECK_THROWS_AS((KeyStore{on_disk, epoch_length, packets}), node::process::KeyError);
    CHECK(fs::remove(on_disk));
    const test::TemporaryFolder folder;
    fs::permissions(folder.path(), fs::perms::group_read, fs::perm_options::add);
    CHECK_THROWS_AS((KeyStore{folder.path(), epoch_length, packets}), node::process::KeyError);
}

TEST_CASE("key store: the files are its owner's alone") {
    const test::TemporaryFolder folder;
    KeyStore store{folder.path(), epoch_length, packets};
    store.take({7});
    for (const auto& entry : fs::directory_iterator{folder.path()}) {
        struct stat status {};
        REQUIRE(::stat(entry.path().c_str(), &status) == 0);
        CHECK_MESSAGE((status.st_mode & 0777) == 0600, entry.path().string());
    }
}

// Sanitizers map memory of their own as they go.
#if !defined(NIGHTJAR_SANITIZED)

namespace {

/// While it lives, this process can map no more than `more` bytes beyond what it has mapped.
class AddressSpaceLimit {
 public:
    explicit AddressSpaceLimit(rlim_t more) {
        std::ifstream statm{"/proc/self/statm"};
        rlim_t pages = 0;
        statm >> pages;
        REQUIRE(pages > 0);
        REQUIRE(::getrlimit(RLIMIT_AS, &before_) == 0);
        auto limit = before_;
        limit.rlim_cur = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + more;
        REQUIRE(::setrlimit(RLIMIT_AS, &limit) == 0);
    }
    ~AddressSpaceLimit() { ::setrlimit(RLIMIT_AS, &before_); }
    AddressSpaceLimit(const AddressSpaceLimit&) = delete;
    AddressSpaceLimit& operator=(const AddressSpaceLimit&) = delete;

 private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("key store: a filter that could not be mapped leaves no file and stops no later one") {
    const test::TemporaryFolder folder;
    KeyStore store{folder.path(), epoch_length, 400'000'000};
    REQUIRE(core::ReplayFilter::next_part(400'000'000, {}) > (16u << 20));
    for (const bool ahead : {false, true}) {
        CAPTURE(ahead);
        {
            const AddressSpaceLimit limit{8u << 20};
            if (ahead) store.prepare();
            CHECK_THROWS_WITH_AS(store.take({7}), doctest::Contains("spare: cannot be mapped"),
                                 std::system_error);
        }
        CHECK(files(folder.path()) == std::set<std::string>{"lock"});
    }
    CHECK(store.take({7}).fresh);
    // A file that could not even be removed then is removed by the next attempt.
    std::ofstream{folder.path() / "spare"} << "left";
    CHECK(store.take({8}).fresh);
    CHECK(files(folder.path()) == std::set<std::string>{"3600-7.key", "3600-7.part0", "3600-8.key",
                                                        "3600-8.part0", "lock"});
}

#endif

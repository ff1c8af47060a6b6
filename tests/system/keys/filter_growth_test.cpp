// A replay filter that grows in the runtime directory, and what a crash leaves of it.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "relay/keys/key_store.hpp"
#include "sphinx/base/random.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::keys;
namespace fs = std::filesystem;

namespace {

constexpr base::Seconds epoch_length{3600};
/// Such a filter starts with 1 MiB, for 229,376 tags.
constexpr std::uint64_t packets = 1'000'000;
constexpr std::uint64_t first_load = (1 << 20) / core::ReplayFilter::line_size * 14;

std::set<std::string> files(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator{folder})
        names.insert(entry.path().filename().string());
    return names;
}

/// Inserts so many tags of a stream that is the same each time. Returns how many were refused.
unsigned insert(core::ReplayFilter& seen, base::Random& stream, std::uint64_t count) {
    unsigned refused = 0;
    for (std::uint64_t i = 0; i < count; ++i)
        refused += seen.insert(stream.id<packet::ReplayTag>()) ? 0 : 1;
    return refused;
}

bool wait_for_file(const fs::path& file) {
    for (int i = 0; i < 6'000 && !fs::exists(file); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    return fs::exists(file);
}

/// Inserts until the filter has its second part, which the store's thread makes meanwhile. `room`:
/// how many tags the first one can still take. When it is full, one tag comes each millisecond, for
/// the thread may have to wait for a processor. Returns how many tags it took.
std::uint64_t insert_until_it_grows(const fs::path& folder, core::ReplayFilter& seen,
                                    base::Random& stream, std::uint64_t room) {
    std::uint64_t inserted = 0;
    while (inserted < room + 30'000 && !fs::exists(folder / "3600-7.part1")) {
        const std::uint64_t next = inserted + 100 < room ? 100 : 1;
        insert(seen, stream, next);
        inserted += next;
        if (next == 1) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return inserted;
}

/// Fills a new filter until it has its second part. Returns how many tags that took.
std::uint64_t fill_until_it_grows(const fs::path& folder, core::ReplayFilter& seen,
                                  base::Random& stream) {
    insert(seen, stream, first_load * 15 / 16);
    REQUIRE(wait_for_file(folder / "3600-7.growing"));
    const auto inserted =
        first_load * 15 / 16 + insert_until_it_grows(folder, seen, stream, first_load / 16);
    REQUIRE(fs::exists(folder / "3600-7.part1"));
    return inserted;
}

}  // namespace

TEST_CASE("growing filter: an idle key's is small, and a used one's grows by itself") {
    const test::TemporaryFolder folder;
    KeyStore store{folder.path(), epoch_length, packets};
    auto stored = store.take({7});
    CHECK(fs::file_size(folder.path() / "3600-7.part0") == 1 << 20);
    base::SeededRandom stream{1};
    auto inserted = fill_until_it_grows(folder.path(), *stored.seen, stream);
    CHECK(!fs::exists(folder.path() / "3600-7.growing"));
    insert(*stored.seen, stream, packets - inserted);
    CHECK(fs::file_size(folder.path() / "3600-7.part0") +
              fs::file_size(folder.path() / "3600-7.part1") ==
          core::ReplayFilter::bytes_for(packets));
    CHECK(stored.seen->false_alarm_rate() < 1e-6);
    CHECK_NOTHROW(store.check_growth());
    base::SeededRandom again{1};
    CHECK(insert(*stored.seen, again, packets) == packets);
}

TEST_CASE("growing filter: a crash at any step of its growth forgets no tag") {
    // The child inserts `count` tags and is killed. The steps: only asked for, made, named, in use.
    enum class Step { before, made, named, used };
    for (const auto step : {Step::before, Step::made, Step::named, Step::used}) {
        CAPTURE(static_cast<int>(step));
        const test::TemporaryFolder folder;
        int pipe[2];
        REQUIRE(::pipe(pipe) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            KeyStore store{folder.path(), epoch_length, packets};
            auto stored = store.take({7});
            base::SeededRandom stream{2};
            std::uint64_t count = first_load * 7 / 8 - 10;
            insert(*stored.seen, stream, count);
            if (step != Step::before) {
                insert(*stored.seen, stream, 20);
                count += 20;
                if (!wait_for_file(folder.path() / "3600-7.growing")) ::_exit(1);
            }
            if (step >= Step::named)
                count +=
                    insert_until_it_grows(folder.path(), *stored.seen, stream, first_load - count);
            if (step == Step::used) {
                insert(*stored.seen, stream, 50'000);
                count += 50'000;
            }
            if (::write(pipe[1], &count, sizeof count) != sizeof count) ::_exit(1);
            ::kill(::getpid(), SIGKILL);
        }
        ::close(pipe[1]);
        std::uint64_t count = 0;
        REQUIRE(::read(pipe[0], &count, sizeof count) == sizeof count);
        ::close(pipe[0]);
        int how = 0;
        REQUIRE(::waitpid(child, &how, 0) == child);
        REQUIRE(WIFSIGNALED(how));

        KeyStore store{folder.path(), epoch_length, packets};
        CHECK(!fs::exists(folder.path() / "3600-7.growing"));
        CHECK(fs::exists(folder.path() / "3600-7.part1") == (step >= Step::named));
        auto stored = store.take({7});
        CHECK(!stored.fresh);
        REQUIRE(static_cast<double>(stored.seen->tags()) ==
                doctest::Approx(static_cast<double>(count)).epsilon(0.01));
        base::SeededRandom again{2};
        CHECK(insert(*stored.seen, again, count) == count);
        // It grows on where it stopped.
        base::SeededRandom more{3};
        insert(*stored.seen, more, first_load / 4);
        for (int i = 0; i < 6'000 && !fs::exists(folder.path() / "3600-7.part1"); ++i) {
            insert(*stored.seen, more, 1);
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        CHECK(fs::exists(folder.path() / "3600-7.part1"));
    }
}

TEST_CASE("growing filter: a key is not used again if a part of what it has seen is missing") {
    const test::TemporaryFolder folder;
    packet::PublicKey first;
    {
        KeyStore store{folder.path(), epoch_length, packets};
        first = store.take({7}).key->keys.public_key;
    }
    // Parts 0 and 2, but no part 1.
    fs::copy(folder.path() / "3600-7.part0", folder.path() / "3600-7.part2");
    KeyStore store{folder.path(), epoch_length, packets};
    const auto second = store.take({7});
    CHECK(second.fresh);
    CHECK(second.key->keys.public_key != first);
    CHECK(files(folder.path()) == std::set<std::string>{"3600-7.key", "3600-7.part0", "lock"});
}

TEST_CASE("growing filter: all parts are overwritten before they go") {
    for (const bool at_start : {false, true}) {
        CAPTURE(at_start);
        const test::TemporaryFolder folder;
        KeyStore store{folder.path(), epoch_length, packets};
        {
            auto stored = store.take({7});
            base::SeededRandom stream{4};
            fill_until_it_grows(folder.path(), *stored.seen, stream);
            insert(*stored.seen, stream, 1'000);
        }
        // Hard links to the files show what is left of their content.
        for (const auto* part : {"0", "1"})
            fs::create_hard_link(folder.path() / (std::string{"3600-7.part"} + part),
                                 folder.path() / (std::string{"kept"} + part));
        if (at_start)
            store.wipe_before({8});
        else
            store.wipe({7});
        CHECK(files(folder.path()) == std::set<std::string>{"kept0", "kept1", "lock"});
        store.finish_wiping();
        for (const auto* name : {"kept0", "kept1"}) {
            std::ifstream file{folder.path() / name, std::ios::binary};
            const std::string content{std::istreambuf_iterator<char>{file}, {}};
            CHECK(content.size() > 64);
            CHECK(content.find_first_not_of('\0') == std::string::npos);
        }
    }
}

TEST_CASE(
    "growing filter: without room for the next part it says so, forgets nothing, and tries again") {
    const test::TemporaryFolder folder;
    KeyStore store{folder.path(), epoch_length, packets};
    auto stored = store.take({7});
    const auto blocked = folder.path() / "3600-7.growing";
    fs::create_directory(blocked);  // no part can be made under this name
    base::SeededRandom stream{5};
    std::uint64_t inserted = 0;
    const auto failed = [&] {
        try {
            store.check_growth();
            return false;
        } catch (const std::system_error& error) {
            return std::string{error.what()}.find("3600-7.growing") != std::string::npos;
        }
    };
    bool said = false;
    for (; inserted < first_load * 5 / 4 && !said; inserted += 1'000) {
        insert(*stored.seen, stream, 1'000);
        said = failed();
    }
    CHECK(said);
    CHECK(!failed());  // once for each attempt
    fs::remove(blocked);
    for (; inserted < packets && !fs::exists(folder.path() / "3600-7.part1"); inserted += 1'000) {
        insert(*stored.seen, stream, 1'000);
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    CHECK(fs::exists(folder.path() / "3600-7.part1"));
    base::SeededRandom again{5};
    CHECK(insert(*stored.seen, again, inserted) == inserted);
}

TEST_CASE("growing filter: a part in the making ends with its key") {
    const test::TemporaryFolder folder;
    {
        KeyStore store{folder.path(), epoch_length, packets};
        auto stored = store.take({7});
        base::SeededRandom stream{6};
        insert(*stored.seen, stream, first_load * 15 / 16);
        stored = {};
        store.wipe({7});
        store.finish_wiping();
    }
    CHECK(files(folder.path()) == std::set<std::string>{"lock"});
}

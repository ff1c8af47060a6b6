// Which writes wait for the disk. Waiting may take a second, so the I/O thread must not wait for
// any write while the traffic schedule runs.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "client/operation/state.hpp"
#include "relay/keys/epoch_keys.hpp"
#include "relay/operation/startup.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/files/text_file.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;

namespace {

std::vector<std::string> waited_for;  // the names of the files
bool disk_fails = false;

}  // namespace

/// Replaces the C library's function in this whole program.
extern "C" int fsync(int descriptor) {
    const auto link = "/proc/self/fd/" + std::to_string(descriptor);
    std::error_code ignored;
    waited_for.push_back(std::filesystem::read_symlink(link, ignored).filename().string());
    if (disk_fails) {
        errno = EIO;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

TEST_CASE("a relay waits for no disk when an epoch's descriptors are due") {
    constexpr base::Seconds epoch_length{900};
    const test::TemporaryFolder folder;
    relay::keys::KeyStore store{folder.path() / "run", epoch_length, 100};
    relay::core::Keyring keyring{epoch_length, base::Seconds{4}};
    const auto identity = relay::keys::Identity::create(folder.path());
    relay::keys::EpochKeys keys{store,         keyring,
                                identity,      relay::operation::describe({}, identity),
                                folder.path(), epoch_length};
    waited_for.clear();
    keys.maintain({base::Wall{base::Seconds{1'800'000'000}}, base::Seconds{100}});
    CHECK(std::filesystem::exists(folder.path() / "descriptor.next"));
    // Keys are in a tmpfs, where fsync does not wait.
    CHECK(std::all_of(waited_for.begin(), waited_for.end(), [](const std::string& name) {
        return name.find("descriptor") == std::string::npos;
    }));
}

TEST_CASE("a client waits for the disk with its gateway, and not with a document or its guards") {
    const test::TemporaryFolder folder;
    const client::operation::StateDir state{folder.path() / "state"};
    waited_for.clear();
    state.keep_document("a document\n");
    CHECK(state.document_text() == "a document\n");
    state.keep_guards({});
    CHECK(waited_for.empty());
    state.keep({base::NodeId{{1}}, base::Wall{base::Seconds{1'800'000'000}}});
    // The file under its temporary name, then the folder that holds the new name.
    REQUIRE(waited_for.size() == 2);
    CHECK(waited_for[0].find(".gateway.yaml.") == 0);
    CHECK(waited_for[1] == "state");
}

TEST_CASE("faults 49: a file on a disk that gives EIO stays as it was, and nothing is beside it") {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "kept";
    using node::files::Durability;
    node::files::replace_file(file, "before", Durability::disk, 0600);
    disk_fails = true;
    CHECK_THROWS_WITH_AS(node::files::replace_file(file, "after", Durability::disk, 0600),
                         doctest::Contains("Input/output error; that disk fails"),
                         std::system_error);
    disk_fails = false;
    CHECK(node::files::read_file(file, 100).value() == "before");
    const std::filesystem::directory_iterator all{folder.path()};
    CHECK(std::distance(all, std::filesystem::directory_iterator{}) == 1);
}

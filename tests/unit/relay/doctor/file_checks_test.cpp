#include "relay/doctor/file_checks.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "relay/keys/identity.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::doctor;
namespace fs = std::filesystem;

namespace {

bool has(const Finding& finding, const std::string& mend) {
    return finding.health == Health::bad && finding.mend.find(mend) != std::string::npos;
}

}  // namespace

TEST_CASE("doctor: keys that others may read, that are links, missing or another user's are bad") {
    const test::TemporaryFolder folder;
    const auto key = folder.path() / "identity.key";
    CHECK(has(key_files(folder.path(), ::geteuid()), "init"));
    keys::Identity::create(folder.path());
    CHECK(key_files(folder.path(), ::geteuid()).health == Health::ok);
    for (const mode_t mode : {0640u, 0604u, 0610u}) {
        ::chmod(key.c_str(), mode);
        CHECK(has(key_files(folder.path(), ::geteuid()), "chmod 600 " + key.string()));
    }
    ::chmod(key.c_str(), 0600);
    CHECK(has(key_files(folder.path(), ::geteuid() + 1), "chown"));
    fs::rename(key, folder.path() / "elsewhere");
    fs::create_symlink(folder.path() / "elsewhere", key);
    CHECK(has(key_files(folder.path(), ::geteuid()), "not a link"));
}

TEST_CASE("doctor: a configuration, anchors or a folder that others may change are bad") {
    const test::TemporaryFolder folder;
    operation::RelayConfig config;
    config.data_dir = folder.path() / "data";
    config.network = folder.path() / "network.yaml";
    const auto file = folder.path() / "relay.yaml";
    fs::create_directory(config.data_dir);
    std::ofstream{config.network} << "x";
    std::ofstream{file} << "x";
    ::chmod(config.data_dir.c_str(), 0755);
    ::chmod(config.network.c_str(), 0644);
    ::chmod(file.c_str(), 0644);
    CHECK(writable_by_others(config, file).health == Health::ok);
    for (const auto& path : {config.data_dir, config.network, file}) {
        CAPTURE(path.string());
        ::chmod(path.c_str(), 0757);
        CHECK(has(writable_by_others(config, file), "chmod go-w " + path.string()));
        ::chmod(path.c_str(), 0770);
        CHECK(has(writable_by_others(config, file), "chmod go-w " + path.string()));
        ::chmod(path.c_str(), 0755);
    }
}

TEST_CASE("doctor: a runtime directory that keys must not be in is bad") {
    const test::TemporaryFolder folder;
    const auto directory = folder.path() / "run";
    const auto user = ::geteuid();
    CHECK(runtime_dir(directory, user).health == Health::ok);  // `run` makes it
    CHECK(has(runtime_dir(directory / "deeper", user), "/dev/shm"));
    fs::create_directory(directory);
    ::chmod(directory.c_str(), 0755);
    CHECK(has(runtime_dir(directory, user), "chmod 700"));
    ::chmod(directory.c_str(), 0700);
    CHECK(runtime_dir(directory, user).health == Health::ok);
    CHECK(has(runtime_dir(directory, user + 1), "chown"));
    fs::create_symlink(directory, folder.path() / "link");
    CHECK(has(runtime_dir(folder.path() / "link", user), "name the folder"));
    // /proc is no tmpfs.
    CHECK(has(runtime_dir("/proc/sys", user), "--tmpfs /proc/sys:mode=0700"));
    CHECK(has(runtime_dir("/proc/none", user), "/dev/shm"));
}

TEST_CASE("doctor: the room in a folder is that of its file system") {
    const auto found = room("/dev/shm");
    REQUIRE(found);
    CHECK(found->size > 0);
    CHECK(found->free <= found->size);
    CHECK_FALSE(found->read_only);
    CHECK(room("/no/such/folder") == std::nullopt);
}

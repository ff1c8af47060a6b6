#include "sphinx/node/files/key_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "sphinx/node/files/runtime_dir.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::node::files;
using namespace nightjar::node::process;
namespace fs = std::filesystem;

namespace {

std::string error_of(const std::function<void()>& body) {
    try {
        body();
    } catch (const KeyError& error) {
        CHECK(error.code() == ExitCode::key_or_permission);
        return error.what();
    }
    return "no error";
}

void write_text(const fs::path& file, const std::string& text) {
    std::ofstream{file, std::ios::binary} << text;
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

std::string read_text(const fs::path& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

}  // namespace

TEST_CASE("a key file gives back the key that was written, in the stated format") {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "identity.key";
    base::Secret<32> seed;
    for (std::size_t i = 0; i < 32; ++i)
        seed.data()[i] = static_cast<std::uint8_t>(i);
    write_key(file, KeyKind::identity, seed);
    CHECK(read_text(file) ==
          "nightjar identity-key v1\n"
          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    const auto read = read_key(file, KeyKind::identity);
    CHECK(base::equal_constant_time(read.view(), seed.view()));
    CHECK(error_of([&] { write_key(file, KeyKind::identity, seed); }) ==
          file.string() + ": exists already; a key is never overwritten, so move it away first");
}

TEST_CASE("a public key is the one of RFC 8032, test 1") {
    const auto secret = [](const char* hex) {
        const auto bytes = *base::from_hex(hex);
        return base::Secret<32>{std::span<const std::uint8_t, 32>{bytes.data(), 32}};
    };
    CHECK(base::to_hex(ed25519_public(
              secret("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))) ==
          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
}

TEST_CASE("a key file that cannot be trusted is refused, and the line says why") {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "identity.key";
    const auto head = std::string{"nightjar identity-key v1\n"};
    const auto hex = std::string(62, 'a') + "01";
    const auto read_error = [&file] {
        return error_of([&file] { read_key(file, KeyKind::identity); });
    };
    CHECK(read_error().starts_with(file.string() + ": there is no such key file; "));

    struct Row {
        const char* name;
        std::string text;
        const char* error;
    };
    const Row rows[] = {
        {"good", head + hex + "\n", "no error"},
        {"empty", "", "is cut short"},
        {"cut in the first line", "nightjar iden", "is cut short"},
        {"cut in the key", head + "aabb", "is cut short"},
        {"no line end", head + hex, "is cut short"},
        {"swapped", "nightjar link-key v1\n" + hex + "\n",
         "holds a link-key where the identity-key belongs; were two files swapped?"},
        {"another version", "nightjar identity-key v2\n" + hex + "\n", "holds something else"},
        {"not a key file", "-----BEGIN PRIVATE KEY-----\n", "holds something else"},
        {"not hexadecimal", head + "xx" + hex.substr(2) + "\n", "64 hexadecimal digits"},
        {"too long", head + hex + "00\n", "64 hexadecimal digits"},
        {"second line", head + hex + "\n\n", "64 hexadecimal digits"},
        {"zeros", head + std::string(64, '0') + "\n", "holds only zeros"},
    };
    for (const auto& row : rows) {
        INFO(std::string{row.name});
        write_text(file, row.text);
        const auto error = read_error();
        CHECK_MESSAGE(error.find(row.error) != std::string::npos, error);
        CHECK(error.find("aaaa") == std::string::npos);  // messages contain no byte of a key
    }

    write_text(file, head + hex + "\n");
    for (const int mode : {0640, 0604, 0620, 0601}) {
        REQUIRE(::chmod(file.c_str(), static_cast<mode_t>(mode)) == 0);
        CHECK(read_error().find("can be used by others; chmod 600 ") != std::string::npos);
    }
    REQUIRE(::chmod(file.c_str(), 0400) == 0);
    CHECK(read_error() == "no error");

    const auto link = folder.path() / "link.key";
    fs::create_symlink(file, link);
    CHECK(error_of([&] { read_key(link, KeyKind::identity); }).find("is a symbolic link") !=
          std::string::npos);
    const auto fifo = folder.path() / "fifo.key";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(error_of([&] { read_key(fifo, KeyKind::identity); }).find("not a regular file") !=
          std::string::npos);
    // /proc/version belongs to root and is readable for all, so root and others get different
    // errors.
    const auto other = error_of([] { read_key("/proc/version", KeyKind::identity); });
    CHECK_MESSAGE((other.find("belongs to user id 0") != std::string::npos ||
                   other.find("can be used by others") != std::string::npos),
                  other);
}

TEST_CASE("the runtime directory is memory of our own, or the start stops") {
    const test::TemporaryFolder folder;  // on a tmpfs
    const auto directory = folder.path() / "run";
    CHECK(error_of([&] { prepare_runtime_dir(directory); }) == "no error");
    CHECK(error_of([&] { prepare_runtime_dir(directory); }) == "no error");
    REQUIRE(::chmod(directory.c_str(), 0750) == 0);
    CHECK(error_of([&] {
              prepare_runtime_dir(directory);
          }).starts_with(directory.string() + ": is accessible to others; chmod 700"));
    fs::create_symlink(directory, folder.path() / "link");
    CHECK(error_of([&] { prepare_runtime_dir(folder.path() / "link"); }).find("symbolic link") !=
          std::string::npos);
    write_text(folder.path() / "file", "");
    CHECK(error_of([&] { prepare_runtime_dir(folder.path() / "file"); }).find("not a directory") !=
          std::string::npos);
    CHECK(error_of([&] {
              prepare_runtime_dir(folder.path() / "none" / "run");
          }).find("cannot be made") != std::string::npos);
    CHECK(error_of([] { prepare_runtime_dir("/proc/self"); }) != "no error");
    CHECK(error_of([] { prepare_runtime_dir("/sys"); }).find("is on a disk") != std::string::npos);
}

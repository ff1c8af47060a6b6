// Files that are read whole, up to a bound.
#include "sphinx/node/files/text_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/temporary_folder.hpp"

using nightjar::node::files::read_file;
namespace fs = std::filesystem;

namespace {

std::error_code error_of(const fs::path& file) {
    const auto text = read_file(file, 8);
    return text ? std::error_code{} : text.error();
}

}  // namespace

TEST_CASE("text file: a file comes whole, and one byte more than the bound at most") {
    const nightjar::test::TemporaryFolder folder;
    const auto file = folder.path() / "file";
    std::ofstream{file} << "0123456789";
    CHECK(read_file(file, 64).value() == "0123456789");
    CHECK(read_file(file, 10).value() == "0123456789");
    CHECK(read_file(file, 9).value() == "0123456789");
    CHECK(read_file(file, 8).value() == "012345678");
    std::ofstream{file, std::ios::trunc};
    CHECK(read_file(file, 8).value().empty());
}

TEST_CASE("text file: what is no regular file is refused, and nothing waits for it") {
    const nightjar::test::TemporaryFolder folder;
    CHECK(error_of(folder.path() / "none") == std::errc::no_such_file_or_directory);
    CHECK(error_of(folder.path()) == std::errc::invalid_argument);
    const auto pipe = folder.path() / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(error_of(pipe) == std::errc::invalid_argument);
    fs::create_symlink("none", folder.path() / "link");
    CHECK(error_of(folder.path() / "link") == std::errc::no_such_file_or_directory);
}

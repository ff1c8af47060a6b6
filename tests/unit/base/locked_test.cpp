// Secrets in pages that are neither swapped nor dumped.
#include "sphinx/base/locked.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "sphinx/base/secret.hpp"

using namespace nightjar::base;

namespace {

// The sanitizer's own mlock() locks nothing, and says that it did.
#ifdef NIGHTJAR_SANITIZED
constexpr bool locks = false;
#else
constexpr bool locks = true;
#endif

using Seed = Secret<32>;

Seed seed(std::uint8_t fill) {
    ByteArray<32> bytes;
    bytes.fill(fill);
    return Seed{bytes};
}

struct Region {
    std::string rights, flags;
    bool has(const std::string& flag) const { return flags.find(" " + flag) != std::string::npos; }
};

/// What the kernel says of the page that holds `at` (proc(5), smaps).
Region region_of(const void* at) {
    const auto place = reinterpret_cast<std::uintptr_t>(at);
    std::ifstream smaps{"/proc/self/smaps"};
    Region region;
    bool here = false;
    for (std::string line; std::getline(smaps, line);) {
        std::istringstream words{line};
        std::uintptr_t begin = 0, end = 0;
        char dash = 0;
        std::string rights;
        if (words >> std::hex >> begin >> dash >> end >> rights && dash == '-') {
            here = place >= begin && place < end;
            if (here) region.rights = rights;
        } else if (here && line.starts_with("VmFlags:")) {
            region.flags = line.substr(8);
        }
    }
    return region;
}

/// In a process that may lock nothing, root or not: 0 if the secret is there, is not locked, says
/// so, and is in no dump.
int without_a_right_to_lock() {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return 2;
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return 3;
    const Locked held{seed(7)};
    const auto region = region_of(held->data());
    if (held.locked() || region.has("lo")) return 4;
    if (!region.has("dd")) return 5;
    return held->view()[31] == 7 ? 0 : 6;
}

}  // namespace

TEST_CASE(
    "locked: a secret is in pages of its own, read-only, in no dump, and locked if it says so" *
    doctest::skip(!locks)) {
    const Locked held{seed(5)};
    CHECK(held->view()[0] == 5);
    CHECK(held->view()[31] == 5);
    const auto region = region_of(held->data());
    CHECK(region.rights.substr(0, 3) == "r--");
    CHECK(region.has("dd"));
    CHECK(region.has("lo") == held.locked());
    CHECK(region_of(&held).rights.substr(0, 3) == "rw-");  // the search finds the right page
}

TEST_CASE("locked: where nothing may be locked the secret is there all the same, and says so" *
          doctest::skip(!locks)) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) std::_Exit(without_a_right_to_lock());
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("locked: a secret moves without its pages") {
    Locked first{seed(9)};
    const auto* place = first->data();
    Locked second{std::move(first)};
    CHECK(second->data() == place);
    second = Locked{seed(3)};
    CHECK(second->view()[0] == 3);
}

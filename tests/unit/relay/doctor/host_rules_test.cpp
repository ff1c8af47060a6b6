#include "relay/doctor/host_rules.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::doctor;
namespace fs = std::filesystem;

namespace {

/// A folder with files as the kernel shows them, of a host without a fault.
class Root {
 public:
    Root() {
        put("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
        put("proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
        put("sys/kernel/kexec_crash_loaded", "0\n");
        put("sys/kernel/mm/ksm/run", "0\n");
        put("sys/kernel/mm/transparent_hugepage/defrag",
            "always defer defer+madvise [madvise] never\n");
        put("proc/sys/kernel/seccomp/actions_avail", "kill_process kill_thread trap errno allow\n");
    }
    void put(const fs::path& file, const char* text) const {
        fs::create_directories((folder_.path() / file).parent_path());
        std::ofstream{folder_.path() / file} << text;
    }
    HostFacts read() const {
        auto facts = read_host(folder_.path());
        facts.landlock = 2;  // this machine's kernel may have none
        return facts;
    }

 private:
    test::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("doctor: a host without a fault is well") {
    const Root root;
    for (const auto& finding : host(root.read())) {
        CAPTURE(finding.seen);
        CHECK(finding.health == Health::ok);
        CHECK(finding.mend.empty());
    }
}

TEST_CASE("doctor: each fault of a host is found by its file, with its mend") {
    struct Case {
        const char* file;
        const char* text;
        Finding (*rule)(const HostFacts&);
        const char* seen;
        const char* mend;
    };
    const Case cases[] = {
        {"proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 2097148 0 -2\n", swap,
         "/dev/sda2 (2097148 KiB)", "swapoff -a"},
        {"sys/kernel/kexec_crash_loaded", "1\n", crash_dumps, "to a disk", "kdump-tools"},
        {"sys/kernel/mm/ksm/run", "1\n", page_merging, "merges equal pages", "mm/ksm/run"},
        {"sys/kernel/mm/transparent_hugepage/defrag", "[always] defer madvise never\n",
         memory_stalls, "waits", "madvise"},
        {"proc/sys/kernel/seccomp/actions_avail", "\n", kernel, "lacks seccomp", "5.13"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.file);
        const Root root;
        root.put(c.file, c.text);
        const auto finding = c.rule(root.read());
        CHECK(finding.health == Health::warn);
        CHECK(finding.seen.find(c.seen) != std::string::npos);
        CHECK(finding.mend.find(c.mend) != std::string::npos);
    }
    HostFacts bare;
    bare.seccomp = "kill_process";
    CHECK(kernel(bare).seen.find("lacks Landlock") != std::string::npos);
    CHECK(entropy(bare).health == Health::bad);
}

TEST_CASE("doctor: swap that stays in memory is no swap") {
    const Root root;
    root.put("proc/swaps", "Filename Type Size Used Priority\n/dev/zram0 partition 100 0 5\n");
    CHECK_FALSE(swaps_to_disk(root.read()));
    CHECK(swap(root.read()).health == Health::ok);
    root.put("proc/swaps",
             "Filename Type Size Used Priority\n/dev/zram0 partition 100 0 5\n/swap file 9 0 -2\n");
    CHECK(swaps_to_disk(root.read()));
    CHECK(swap(root.read()).seen.find("zram") == std::string::npos);
}

TEST_CASE("doctor: findings for people begin with the worst, and hold no control character") {
    const Findings findings{ok("first", "well"), warn("second", "so so", "do this"),
                            bad("third", "evil \x1b[2J\n", "do that")};
    CHECK(worst(findings) == Health::bad);
    CHECK(worst(Findings{}) == Health::ok);
    const auto text = to_people(findings);
    CHECK(text.starts_with("bad   third"));
    CHECK(text.find("second") < text.find("first"));
    CHECK(text.find('\x1b') == std::string::npos);
    const auto json = nlohmann::json::parse(to_json(findings));
    CHECK(json["health"] == "bad");
    CHECK(json["findings"].size() == 3);
    CHECK(json["findings"][2]["seen"] == "evil ?[2J?");
}

TEST_CASE("doctor: an error's line is cut at its last semicolon") {
    const auto finding = from_error("check", Health::bad, "a key; b is open; chmod 600 b");
    CHECK(finding.seen == "a key; b is open");
    CHECK(finding.mend == "chmod 600 b");
    CHECK(from_error("check", Health::bad, "no more than this").mend == "see the log");
}

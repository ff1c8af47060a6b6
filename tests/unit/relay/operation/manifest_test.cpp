#include "relay/operation/manifest.hpp"

#include <doctest/doctest.h>

#include "relay/operation/answers.hpp"

using namespace nightjar;
using namespace nightjar::relay::operation;

namespace {

const std::string one(64, '1'), two(64, '2');
const std::string path = "nightjar-relay_0.1.0_amd64/usr/bin/nightjar-relay";

std::string line(const std::string& hash, const std::string& of) {
    return hash + "  " + of + "\n";
}

directory::BuildHash bytes(std::uint8_t byte) {
    directory::BuildHash hash;
    hash.fill(byte);
    return hash;
}

}  // namespace

TEST_CASE("manifest: a program is found by its name and its bytes") {
    const auto parsed = parse_manifest(
        line(two, "nightjar-authority_0.1.0_amd64/usr/bin/nightjar-authority") + line(one, path) +
        line(two, "nightjar-relay_0.1.0_arm64/usr/bin/nightjar-relay"));
    REQUIRE(parsed);
    REQUIRE(parsed->size() == 3);
    CHECK((*parsed)[1] == Packed{bytes(0x11), path});
    CHECK(find_build(*parsed, "nightjar-relay", bytes(0x11)) == &(*parsed)[1]);
    CHECK(find_build(*parsed, "nightjar-relay", bytes(0x22)) == &(*parsed)[2]);
    CHECK(find_build(*parsed, "nightjar-authority", bytes(0x22)) == &(*parsed)[0]);
    CHECK(find_build(*parsed, "nightjar-authority", bytes(0x11)) == nullptr);
    CHECK(find_build(*parsed, "relay", bytes(0x11)) == nullptr);
    CHECK(find_build(*parsed, "nightjar-relay", bytes(0x33)) == nullptr);
}

TEST_CASE("manifest: each rule of its form") {
    const auto good = line(one, path);
    const auto longest = std::string(manifest_path_max, 'a');
    struct Row {
        const char* name;
        std::string text;
        const char* fault;
    };
    const Row rows[] = {
        {"empty", "", "empty"},
        {"no line feed", one + "  " + path, "line feed"},
        {"carriage return", one + "  " + path + "\r\n", "line 1: the path"},
        {"empty line", good + "\n", "line 2: not a hash"},
        {"hash alone", one + "\n", "line 1: not a hash"},
        {"no path", one + "  \n", "the path"},
        {"one space", one + " " + path + "\n", "not a hash"},
        {"three spaces", one + "   " + path + "\n", "the path"},
        {"upper case", line(std::string(64, 'A'), path), "the hash"},
        {"no digits", line(std::string(64, 'x'), path), "the hash"},
        {"short hash", line(one.substr(1), path), "not a hash"},
        {"long hash", line(one + "1", path), "not a hash"},
        {"absolute path", line(one, "/usr/bin/nightjar-relay"), "the path"},
        {"space in a path", line(one, "a b"), "the path"},
        {"zero byte in a path", line(one, std::string("a\0b", 3)), "the path"},
        {"path beyond ASCII", line(one, "\xc3\xa4"), "the path"},
        {"path too long", line(one, longest + "a"), "the path"},
        {"out of order", line(one, "b") + line(one, "a"), "line 2: a path that is out of order"},
        {"twice", good + line(two, path), "given twice"},
        {"too large", good + std::string(manifest_size_max, 'z') + "\n", "64 KiB"},
    };
    for (const auto& row : rows) {
        INFO(std::string{row.name});
        const auto parsed = parse_manifest(row.text);
        REQUIRE_FALSE(parsed);
        CHECK_MESSAGE(parsed.error().find(row.fault) != std::string::npos, parsed.error());
    }
    CHECK(parse_manifest(good));
    CHECK(parse_manifest(line(one, longest)));
}

TEST_CASE("manifest: the answer says which bytes, and whether a release has them") {
    BuildAnswer answer{"nightjar-relay 0.1.0", bytes(0x11), std::nullopt, std::nullopt};
    CHECK(build_text(answer) == "nightjar-relay 0.1.0: SHA-256 " + one + "\n");
    CHECK(build_json(answer) == R"({"subject":"nightjar-relay 0.1.0","sha256":")" + one + "\"}");
    answer.manifest = "MANIFEST";
    CHECK(build_text(answer).find("\nMANIFEST: has no nightjar-relay with this hash") !=
          std::string::npos);
    CHECK(build_json(answer).find(R"("released":false})") != std::string::npos);
    answer.path = path;
    CHECK(build_text(answer).ends_with("\nMANIFEST: has it as " + path + "\n"));
    CHECK(build_json(answer).find(R"("released":true,"path":")" + path) != std::string::npos);
}

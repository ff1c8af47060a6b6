#include "sphinx/node/config/strict_yaml.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "sphinx/node/config/utf8.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::node::config;
using namespace nightjar::node::process;
using namespace std::chrono_literals;

namespace {

std::string error_of(const std::function<void()>& body) {
    try {
        body();
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "no error";
}

std::string parse_error(std::string_view text) {
    return error_of([text] { YamlFile::parse("f.yaml", text); });
}

template <class T>
std::string value_error(const std::string& text) {
    return error_of([&text] {
        const auto file = YamlFile::parse("f.yaml", "key: " + text + "\n");
        auto map = file.map();
        map.required<T>("key");
    });
}

template <class T>
T value_of(const std::string& text) {
    const auto file = YamlFile::parse("f.yaml", "key: " + text + "\n");
    auto map = file.map();
    return map.required<T>("key");
}

}  // namespace

TEST_CASE("strict yaml refuses what could mean something else than it seems") {
    struct Row {
        const char* name;
        std::string text;
        const char* error;
    };
    const Row rows[] = {
        {"duplicate key", "a: 1\nb: 2\na: 3\n",
         "f.yaml:3:1: the key \"a\" is given twice; keep one of the two"},
        {"duplicate in quotes", "a: 1\n\"a\": 3\n",
         "f.yaml:2:1: the key \"a\" is given twice; keep one of the two"},
        {"nested duplicate", "a:\n  b: 1\n  b: 2\n",
         "f.yaml:3:3: the key \"b\" is given twice; keep one of the two"},
        {"second document", "a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document"},
        {"second document after an end", "a: 1\n...\n---\nb: 2\n", "f.yaml:3:1: a second document"},
        {"anchor on a scalar", "a: &x 1\n", "f.yaml:1:4: an anchor"},
        {"anchor on a map", "a: &x {b: 1}\n", "f.yaml:1:4: an anchor"},
        {"anchor on nothing", "a: &x\n", "f.yaml:1:4: an anchor"},
        {"alias", "a: &x 1\nb: *x\n", "f.yaml:1:4: an anchor"},
        {"unknown alias", "b: *x\n", "f.yaml:1:4: not YAML"},
        {"tag", "a: !!str 1\n", "f.yaml:1:4: a tag"},
        {"tag of our own", "a: !secret x\n", "f.yaml:1:4: a tag"},
        {"tag on a list", "a: !!seq [1]\n", "f.yaml:1:4: a tag"},
        {"directive", "%YAML 1.2\n---\na: 1\n", "f.yaml:1:1: a YAML directive"},
        {"bad UTF-8", "a: \xff\n", "f.yaml:1:4: not UTF-8"},
        {"overlong UTF-8", "a: \xc0\xaf\n", "f.yaml:1:4: not UTF-8"},
        {"surrogate", "a: \xed\xa0\x80\n", "f.yaml:1:4: not UTF-8"},
        {"cut UTF-8", "a: \xe2\x82", "f.yaml:1:4: not UTF-8"},
        {"UTF-16",
         std::string{"\xff\xfe"
                     "a\0:\0",
                     6},
         "f.yaml:1:1: not UTF-8"},
        {"UTF-16 without a mark", std::string{"a\0:\0 \0001\0", 8},
         "f.yaml:1:2: a control character"},
        {"byte order mark",
         "\xef\xbb\xbf"
         "a: 1\n",
         "f.yaml:1:1: a byte order mark"},
        {"NUL", std::string{"a: 1\0\n", 6}, "f.yaml:1:5: a control character"},
        {"CRLF", "a: 1\r\nb: 2\r\n", "f.yaml:1:5: a carriage return"},
        {"escape", "a: \x1b[31m\n", "f.yaml:1:4: a control character"},
        {"bidirectional text", "a: x\xe2\x80\xae\n",
         "f.yaml:1:5: a character that changes the writing direction"},
        {"tab", "a:\n\tb: 1\n", "f.yaml:2:1: a tab before the text"},
        {"list as a key", "? [a]\n: 1\n", "f.yaml:1:3: a key that is not a word"},
        {"nothing as a key", ": 1\n", "f.yaml:1:1: a key that is not a word"},
        {"not yaml", "a: [1\nb: 2\n", "f.yaml:2:2: not YAML"},
        {"unclosed quote", "a: \"x\n", "not YAML"},
        {"too deep", "a: " + std::string(20, '[') + std::string(20, ']') + "\n",
         "f.yaml:1:19: nested too deeply"},
        {"far too deep", "a: " + std::string(30'000, '[') + std::string(30'000, ']'),
         "nested too deeply"},
        {"deep and never closed", std::string(60'000, '['), "f.yaml:1:1: "},
        {"too long", std::string(64 * 1024 + 1, '#'), "f.yaml:1:1: longer than 64 KiB"},
    };
    for (const auto& row : rows) {
        INFO(std::string{row.name});
        const auto error = parse_error(row.text);
        CHECK_MESSAGE(error.find(row.error) != std::string::npos, error);
        CHECK(error.find("; ") != std::string::npos);  // it says how to mend the file
        CHECK(error.find('\n') == std::string::npos);  // one line
    }
}

TEST_CASE("strict yaml reads each type, and nothing that only looks like it") {
    CHECK(value_of<std::string>("demo") == "demo");
    CHECK(value_of<std::string>("\"a: b\"") == "a: b");
    CHECK(value_of<std::string>("\"\"").empty());
    CHECK(value_of<std::string>("123") == "123");
    CHECK(value_of<bool>("true"));
    CHECK_FALSE(value_of<bool>("false"));
    CHECK(value_of<std::uint16_t>("65535") == 65535);
    CHECK(value_of<std::uint32_t>("4294967295") == 4294967295);
    CHECK(value_of<double>("0.5") == 0.5);
    CHECK(value_of<base::Nanoseconds>("50ms") == 50ms);
    CHECK(value_of<base::Seconds>("1h") == 3600s);
    CHECK(value_of<base::Milliseconds>("2s") == 2000ms);
    CHECK(value_of<directory::Endpoint>("127.0.0.1:9001") ==
          directory::Endpoint{"127.0.0.1", 9001});
    CHECK(value_of<directory::Endpoint>("\"[2001:db8::1]:80\"") ==
          directory::Endpoint{"2001:db8::1", 80});
    CHECK(value_of<ListenEndpoint>("127.0.0.1:0").port == 0);
    CHECK(value_of<base::NodeId>(std::string(62, '0') + "0a").bytes[31] == 10);
    CHECK(value_of<std::vector<std::string>>("[a, b]") == std::vector<std::string>{"a", "b"});

    CHECK(value_error<std::string>("") == "f.yaml:1:1: no value; give a text, or \"\" for none");
    CHECK(value_error<std::string>("[a]") == "f.yaml:1:6: not a text; give a single text");
    for (const auto* text : {"yes", "on", "True", "1", "\"true\"", "", "[true]"})
        CHECK(value_error<bool>(text).starts_with("f.yaml:1:"));
    for (const auto* text : {"65536", "-1", "+1", "0x10", "010", "1.0", "1 2", "\"80\"", "ten"})
        CHECK_MESSAGE(value_error<std::uint16_t>(text).starts_with("f.yaml:1:6: "), text);
    CHECK(value_error<std::uint16_t>("~") == "f.yaml:1:1: no value; give a whole number");
    for (const auto* text : {"nan", "inf", "1e999", "1,5", ".", "abc"})
        CHECK_MESSAGE(value_error<double>(text).starts_with("f.yaml:1:6: "), text);
    for (const auto* text :
         {"50", "50 ms", "-5s", "1.5s", "5 minutes", "99999999999999d", "ms", "5M"})
        CHECK_MESSAGE(value_error<base::Nanoseconds>(text).starts_with("f.yaml:1:6: "), text);
    CHECK(value_error<base::Seconds>("1500ms") ==
          "f.yaml:1:6: more precise than this key allows; use whole seconds");
    for (const auto* text : {"localhost:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536",
                             "127.1:80", "127.0.0.01:80", "\"[::1]:080\"", "\"::1:80\"",
                             "\"[::ffff:1.2.3.4]:80\"", "\"[127.0.0.1]:80\"", "\"[0::1]:80\""})
        CHECK_MESSAGE(value_error<directory::Endpoint>(text).starts_with("f.yaml:1:6: "), text);
    for (const auto& text : {std::string(64, 'A'), std::string(62, '0'), std::string(64, 'g')})
        CHECK(value_error<base::NodeId>(text).starts_with("f.yaml:1:6: not a key"));
}

TEST_CASE("strict yaml refuses unknown keys, and suggests the one that was meant") {
    const auto unread = [](const char* text) {
        return error_of([text] {
            const auto file = YamlFile::parse("f.yaml", text);
            auto map = file.map();
            map.optional<std::string>("listen", "");
            map.optional<std::uint32_t>("workers", 1);
            auto exit = map.map("exit");
            exit.optional<bool>("allow", false);
            exit.done();
            map.done();
        });
    };
    CHECK(unread("") == "no error");
    CHECK(unread("# nothing\n") == "no error");
    CHECK(unread("listen: a\nworkers: 3\nexit: {allow: true}\n") == "no error");
    CHECK(unread("listen: a\nlisten_on: b\n") ==
          "f.yaml:2:1: unknown key \"listen_on\"; allowed here: exit, listen, workers");
    CHECK(unread("lisen: a\n") == "f.yaml:1:1: unknown key \"lisen\"; did you mean \"listen\"?");
    CHECK(unread("exit:\n  alow: true\n") ==
          "f.yaml:2:3: unknown key \"alow\"; did you mean \"allow\"?");
    CHECK(unread("[a, b]") == "f.yaml:1:1: not a map; give `key: value` lines below it");
    CHECK(unread("exit: [a]\n") == "f.yaml:1:7: not a map; give `key: value` lines below it");
}

TEST_CASE("strict yaml checks ranges, words and required keys") {
    const auto file = YamlFile::parse("f.yaml", "role: mixx\ncount: 9\nshare: 1.5\nwait: 2h\n");
    auto map = file.map();
    enum class Role { mix, gateway };
    CHECK(error_of([&] { map.required<std::string>("name"); }) ==
          "f.yaml:1:1: the key \"name\" is missing; add a line `name: ...`");
    CHECK(error_of([&] {
              map.word<Role>("role", {{"mix", Role::mix}, {"gateway", Role::gateway}});
          }) == "f.yaml:1:7: unknown word; use one of: mix, gateway");
    CHECK(error_of([&] {
              map.required<std::uint32_t>("count", {1, 8});
          }) == "f.yaml:2:8: out of range; use 1 to 8");
    CHECK(error_of([&] {
              map.optional<double>("share", 0.5, {0.0, 1.0});
          }) == "f.yaml:3:8: out of range; use 0 to 1");
    CHECK(error_of([&] {
              map.optional<base::Nanoseconds>("wait", 1s, {50ms, 1h});
          }) == "f.yaml:4:7: out of range; use 50ms to 1h");
    CHECK(map.required<std::uint32_t>("count", {1, 9}) == 9);
    CHECK(map.word<Role>("other", {{"mix", Role::mix}}, Role::gateway) == Role::gateway);
}

TEST_CASE("strict yaml loads regular files only") {
    const test::TemporaryFolder folder;
    const auto good = folder.path() / "good.yaml";
    std::ofstream{good} << "a: 1\n";
    CHECK(YamlFile::load(good).map().required<std::uint32_t>("a") == 1);

    const auto load_error = [](const std::filesystem::path& path) {
        return error_of([&path] { YamlFile::load(path); });
    };
    const auto at_start = [&folder](const char* name) {
        return (folder.path() / name).string() + ":1:1: ";
    };
    CHECK(load_error(folder.path() / "none.yaml").starts_with(at_start("none.yaml") + "No such"));
    std::filesystem::create_symlink(good, folder.path() / "link.yaml");
    CHECK(
        load_error(folder.path() / "link.yaml").starts_with(at_start("link.yaml") + "a symbolic"));
    REQUIRE(::mkfifo((folder.path() / "fifo.yaml").c_str(), 0600) == 0);
    CHECK(load_error(folder.path() / "fifo.yaml").starts_with(at_start("fifo.yaml") + "not a reg"));
    std::ofstream{folder.path() / "big.yaml"} << std::string(10'000'000, '#');
    CHECK(load_error(folder.path() / "big.yaml").starts_with(at_start("big.yaml") + "longer"));
}

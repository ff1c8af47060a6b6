// Configuration files: YAML without its surprises. yaml-cpp parses; this code rejects what yaml-cpp
// accepts although it may not mean what it seems to: duplicate keys, a second document, anchors,
// aliases, tags, directives, bad UTF-8, control and bidirectional characters, carriage returns,
// tabs before a key, files over 64 KiB, symbolic links. Every failure throws ConfigError (exit code
// 3) with one line: `file:line:column: what is wrong; how to fix it`.
//
// Usage: read every key that the program knows; then done() rejects all others.
//
//     const auto file = YamlFile::load("relay.yaml");
//     auto map = file.map();
//     const auto listen = map.required<ListenEndpoint>("listen");
//     const auto workers = map.optional<std::uint32_t>("workers", 2, {1, 64});
//     auto exit = map.map("exit");  // empty if the key is absent
//     const auto policy = exit.optional<std::vector<std::string>>("ports", {});
//     exit.done();
//     map.done();
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/endpoint.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::node::config {

inline constexpr std::size_t yaml_size_max = 64 * 1024;
inline constexpr std::size_t yaml_depth_max = 16;

struct YamlTree;  // the file's name and its nodes
struct YamlNode;
class YamlMap;

/// An address to listen on: like an Endpoint, but port 0 (any free port) is allowed.
struct ListenEndpoint : directory::Endpoint {};

/// A range of values; min and max are included.
template <class T>
struct Range {
    T min;
    T max;
};

/// One value of a file, with its position. Keeps the file's content alive.
class YamlValue {
 public:
    YamlValue(std::shared_ptr<const YamlTree> tree, const YamlNode* node)
        : tree_{std::move(tree)}, node_{node} {}

    /// Converts the value. T is std::string, bool, std::uint16_t, std::uint32_t, std::uint64_t,
    /// double, base::Nanoseconds, base::Milliseconds, base::Seconds (a number and a unit: 50ms,
    /// 10s, 1h), directory::Endpoint, ListenEndpoint, a base::Id (hexadecimal), or a vector of one
    /// of these.
    template <class T>
    T as() const {
        T value{};
        read(value);
        return value;
    }
    YamlMap map() const;
    std::vector<YamlValue> list() const;

    /// Throws the ConfigError for this value. For rules that only the caller knows.
    [[noreturn]] void fail(const std::string& what, const std::string& mend) const;

 private:
    friend class YamlMap;

    const std::string& plain(const char* what) const;  // a scalar without quotes
    void read(std::string& out) const;
    void read(bool& out) const;
    void read(std::uint16_t& out) const;
    void read(std::uint32_t& out) const;
    void read(std::uint64_t& out) const;
    void read(double& out) const;
    void read(base::Nanoseconds& out) const;
    void read(base::Milliseconds& out) const;
    void read(base::Seconds& out) const;
    void read(directory::Endpoint& out) const;
    void read(ListenEndpoint& out) const;
    void read_bytes(base::ByteSpan out) const;
    template <class Tag, std::size_t N>
    void read(base::Id<Tag, N>& out) const {
        read_bytes(out.bytes);
    }
    template <class T>
    void read(std::vector<T>& out) const {
        for (const auto& item : list())
            out.push_back(item.as<T>());
    }
    std::uint64_t integer(std::uint64_t max) const;

    std::shared_ptr<const YamlTree> tree_;
    const YamlNode* node_;
};

/// The text of a limit in a message.
std::string yaml_text(double value);
std::string yaml_text(base::Nanoseconds value);
template <std::unsigned_integral T>
std::string yaml_text(T value) {
    return std::to_string(value);
}

/// The keys of one map; records which keys were read. One thread.
class YamlMap {
 public:
    YamlMap(std::shared_ptr<const YamlTree> tree, const YamlNode* node)
        : tree_{std::move(tree)}, node_{node} {}
    YamlMap(const YamlMap&) = delete;
    YamlMap& operator=(const YamlMap&) = delete;

    /// nullopt if the key is absent.
    std::optional<YamlValue> find(std::string_view key);
    YamlValue at(std::string_view key);  // throws ConfigError if absent

    template <class T>
    T required(std::string_view key) {
        return at(key).as<T>();
    }
    template <class T>
    T required(std::string_view key, Range<T> range) {
        return in_range(at(key), range);
    }
    template <class T>
    T optional(std::string_view key, T fallback) {
        const auto value = find(key);
        return value ? value->as<T>() : fallback;
    }
    template <class T>
    T optional(std::string_view key, T fallback, Range<T> range) {
        const auto value = find(key);
        return value ? in_range(*value, range) : fallback;
    }
    template <class T>
    std::optional<T> optional(std::string_view key) {
        const auto value = find(key);
        return value ? std::optional<T>{value->as<T>()} : std::nullopt;
    }

    /// A value that is one of a few words; each word stands for a value of E.
    template <class E>
    using Words = std::initializer_list<std::pair<std::string_view, E>>;
    template <class E>
    E word(std::string_view key, Words<E> words) {
        return choose(at(key), words);
    }
    template <class E>
    E word(std::string_view key, Words<E> words, E fallback) {
        const auto value = find(key);
        return value ? choose(*value, words) : fallback;
    }

    /// The map or list below a key; an empty one if the key is absent.
    YamlMap map(std::string_view key);
    std::vector<YamlValue> list(std::string_view key);

    /// Rejects every key that was never read, and suggests the key that was probably meant. Call it
    /// after all known keys have been read.
    void done() const;

    /// Throws the ConfigError at `key` if it is present, else at the map. For rules about several
    /// keys.
    [[noreturn]] void fail(std::string_view key, const std::string& what, const std::string& mend);

 private:
    template <class T>
    static T in_range(const YamlValue& value, Range<T> range) {
        const T number = value.as<T>();
        if (number < range.min || range.max < number)
            value.fail("out of range",
                       "use " + yaml_text(range.min) + " to " + yaml_text(range.max));
        return number;
    }
    template <class E>
    static E choose(const YamlValue& value, Words<E> words) {
        const auto text = value.as<std::string>();
        std::string known;
        for (const auto& [word, meaning] : words) {
            if (text == word) return meaning;
            known += (known.empty() ? "" : ", ") + std::string{word};
        }
        value.fail("unknown word", "use one of: " + known);
    }

    std::shared_ptr<const YamlTree> tree_;
    const YamlNode* node_;  // nullptr: the key of this map is absent
    std::set<std::string, std::less<>> asked_;
};

/// A whole file.
class YamlFile {
 public:
    /// Reads a regular file of at most 64 KiB. A missing or unreadable file is a ConfigError too.
    static YamlFile load(const std::filesystem::path& file);
    /// Parses a text in memory; messages contain `name` as its file name.
    static YamlFile parse(const std::string& name, std::string_view text);

    /// An empty file gives an empty map: every key has its default.
    YamlMap map() const;

 private:
    explicit YamlFile(std::shared_ptr<const YamlTree> tree) : tree_{std::move(tree)} {}

    std::shared_ptr<const YamlTree> tree_;
};

}  // namespace nightjar::node::config

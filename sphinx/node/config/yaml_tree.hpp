// The nodes of a strict YAML file, built from yaml-cpp's events; only strict_yaml.cpp uses it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nightjar::node::config {

struct YamlNode {
    enum class Kind { empty, scalar, list, map };
    struct Entry;

    Kind kind = Kind::empty;
    bool quoted = false;
    std::string text;
    std::size_t line = 1;    // 1-based
    std::size_t column = 1;  // 1-based
    std::vector<Entry> entries;
};

struct YamlNode::Entry {
    std::string key;  // empty in a list
    std::size_t line = 1;
    std::size_t column = 1;
    YamlNode value;
};

struct YamlTree {
    std::string file;
    YamlNode root;
};

/// Throws ConfigError; strict_yaml.hpp lists what is rejected.
YamlTree build_yaml_tree(const std::string& file, std::string_view text);

/// Throws ConfigError "file:line:column: what; mend".
[[noreturn]] void yaml_fail(const std::string& file, std::size_t line, std::size_t column,
                            const std::string& what, const std::string& mend);

}  // namespace nightjar::node::config

#include "sphinx/node/config/strict_yaml.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>

#include "sphinx/node/config/yaml_tree.hpp"
#include "sphinx/node/files/unique_fd.hpp"

namespace nightjar::node::config {

namespace {

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};
constexpr Unit units[] = {
    {"us", 1'000},         {"ms", 1'000'000},        {"s", 1'000'000'000},
    {"m", 60'000'000'000}, {"h", 3'600'000'000'000}, {"d", 86'400'000'000'000}};

/// The edit distance: the number of letters to change to turn one word into the other.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
        }
    }
    return row[b.size()];
}

std::string suggestion(const std::string& key, const std::set<std::string, std::less<>>& known) {
    const std::string* best = nullptr;
    std::size_t best_distance = 3;  // a guess at a greater distance would mislead
    std::string all;
    for (const auto& word : known) {
        const auto steps = key.size() > 64 ? best_distance : distance(key, word);
        if (steps < best_distance && steps < word.size()) {
            best = &word;
            best_distance = steps;
        }
        all += (all.empty() ? "" : ", ") + word;
    }
    if (best != nullptr) return "did you mean \"" + *best + "\"?";
    return all.empty() ? "no keys are allowed here" : "allowed here: " + all;
}

template <class Duration>
Duration whole(const YamlValue& value, const char* unit) {
    const auto exact = value.as<base::Nanoseconds>();
    const auto rounded = std::chrono::duration_cast<Duration>(exact);
    if (rounded != exact)
        value.fail("more precise than this key allows", std::string{"use whole "} + unit);
    return rounded;
}

std::string load_text(const std::string& name) {
    const files::UniqueFd fd{::open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
    if (!fd && errno == ELOOP)
        yaml_fail(name, 1, 1, "a symbolic link", "name the file that it points to");
    if (!fd) yaml_fail(name, 1, 1, std::strerror(errno), "name a file that this user may read");
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
        yaml_fail(name, 1, 1, "not a regular file", "name a YAML file");
    std::string text(yaml_size_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto n = ::read(fd.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) yaml_fail(name, 1, 1, std::strerror(errno), "name a file that can be read");
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    text.resize(size);
    return text;
}

}  // namespace

void YamlValue::fail(const std::string& what, const std::string& mend) const {
    yaml_fail(tree_->file, node_->line, node_->column, what, mend);
}

const std::string& YamlValue::plain(const char* what) const {
    if (node_->kind != YamlNode::Kind::scalar) fail("no value", std::string{"give "} + what);
    if (node_->quoted) fail("a text in quotes", std::string{"give "} + what + ", without quotes");
    return node_->text;
}

void YamlValue::read(std::string& out) const {
    if (node_->kind == YamlNode::Kind::empty) fail("no value", "give a text, or \"\" for none");
    if (node_->kind != YamlNode::Kind::scalar) fail("not a text", "give a single text");
    out = node_->text;
}

void YamlValue::read(bool& out) const {
    const auto& text = plain("true or false");
    if (text != "true" && text != "false") fail("neither true nor false", "use true or false");
    out = text == "true";
}

std::uint64_t YamlValue::integer(std::uint64_t max) const {
    const auto& text = plain("a whole number");
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    const bool digits = stop == end && !text.empty();
    // Some readers of YAML take 010 as ten, others as eight.
    if (!digits || (text.size() > 1 && text[0] == '0'))
        fail("not a whole number", "give decimal digits without leading zeros");
    if (error != std::errc{} || value > max)
        fail("the number is too large", "use 0 to " + std::to_string(max));
    return value;
}

void YamlValue::read(std::uint16_t& out) const {
    out = static_cast<std::uint16_t>(integer(UINT16_MAX));
}
void YamlValue::read(std::uint32_t& out) const {
    out = static_cast<std::uint32_t>(integer(UINT32_MAX));
}
void YamlValue::read(std::uint64_t& out) const {
    out = integer(UINT64_MAX);
}

void YamlValue::read(double& out) const {
    const auto& text = plain("a number");
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out, std::chars_format::fixed);
    if (error != std::errc{} || stop != end || !std::isfinite(out))
        fail("not a number", "give a decimal number, such as 0.5");
}

void YamlValue::read(base::Nanoseconds& out) const {
    const auto& text = plain("a time with its unit, such as 50ms, 10s, 5m, 1h");
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    for (const auto& unit : units) {
        if (error != std::errc{} || std::string_view{stop, end} != unit.name) continue;
        if (number > static_cast<std::uint64_t>(INT64_MAX / unit.nanoseconds))
            fail("the time is too long", "use less");
        out = base::Nanoseconds{static_cast<std::int64_t>(number) * unit.nanoseconds};
        return;
    }
    fail("not a time", "give a whole number and its unit: us, ms, s, m, h or d, such as 50ms");
}

void YamlValue::read(base::Milliseconds& out) const {
    out = whole<base::Milliseconds>(*this, "milliseconds");
}
void YamlValue::read(base::Seconds& out) const {
    out = whole<base::Seconds>(*this, "seconds");
}

void YamlValue::read(directory::Endpoint& out) const {
    ListenEndpoint endpoint;
    read(endpoint);
    if (endpoint.port == 0) fail("port 0 cannot be reached", "give the port, 1 to 65535");
    out = endpoint;
}

void YamlValue::read(ListenEndpoint& out) const {
    const auto endpoint = directory::parse_endpoint(as<std::string>());
    if (!endpoint)
        fail("not an address with a port",
             "give a literal one, such as 192.0.2.1:9001 or \"[2001:db8::1]:9001\"");
    out = {*endpoint};
}

void YamlValue::read_bytes(base::ByteSpan out) const {
    const auto bytes = base::from_hex(as<std::string>());
    if (!bytes || bytes->size() != out.size())
        fail("not a key or identity",
             "give " + std::to_string(2 * out.size()) + " lower-case hexadecimal digits");
    std::copy(bytes->begin(), bytes->end(), out.begin());
}

YamlMap YamlValue::map() const {
    if (node_->kind != YamlNode::Kind::map) fail("not a map", "give `key: value` lines below it");
    return YamlMap{tree_, node_};
}

std::vector<YamlValue> YamlValue::list() const {
    if (node_->kind != YamlNode::Kind::list) fail("not a list", "give `- item` lines, or []");
    std::vector<YamlValue> values;
    for (const auto& entry : node_->entries)
        values.emplace_back(tree_, &entry.value);
    return values;
}

std::string yaml_text(double value) {
    char text[32];
    const auto [end, error] = std::to_chars(text, text + sizeof text, value);
    return {text, error == std::errc{} ? end : text};
}

std::string yaml_text(base::Nanoseconds value) {
    const Unit* best = nullptr;
    for (const auto& unit : units) {
        if (value.count() % unit.nanoseconds == 0) best = &unit;
        if (value.count() == 0) break;
    }
    if (best == nullptr) return std::to_string(value.count()) + " ns";
    return std::to_string(value.count() / best->nanoseconds) + std::string{best->name};
}

std::optional<YamlValue> YamlMap::find(std::string_view key) {
    asked_.emplace(key);
    if (node_ == nullptr) return std::nullopt;
    for (const auto& entry : node_->entries) {
        if (entry.key == key) return YamlValue{tree_, &entry.value};
    }
    return std::nullopt;
}

YamlValue YamlMap::at(std::string_view key) {
    if (auto value = find(key)) return *std::move(value);
    fail("", "the key \"" + std::string{key} + "\" is missing",
         "add a line `" + std::string{key} + ": ...`");
}

YamlMap YamlMap::map(std::string_view key) {
    if (const auto value = find(key)) return value->map();
    return YamlMap{tree_, nullptr};
}

std::vector<YamlValue> YamlMap::list(std::string_view key) {
    if (const auto value = find(key)) return value->list();
    return {};
}

void YamlMap::done() const {
    if (node_ == nullptr) return;
    for (const auto& entry : node_->entries) {
        if (asked_.contains(entry.key)) continue;
        yaml_fail(tree_->file, entry.line, entry.column, "unknown key \"" + entry.key + "\"",
                  suggestion(entry.key, asked_));
    }
}

void YamlMap::fail(std::string_view key, const std::string& what, const std::string& mend) {
    const auto value = key.empty() ? std::nullopt : find(key);
    if (value) value->fail(what, mend);
    const auto line = node_ == nullptr ? 1 : node_->line;
    const auto column = node_ == nullptr ? 1 : node_->column;
    yaml_fail(tree_->file, line, column, what, mend);
}

YamlFile YamlFile::load(const std::filesystem::path& file) {
    const auto name = file.string();
    return parse(name, load_text(name));
}

YamlFile YamlFile::parse(const std::string& name, std::string_view text) {
    return YamlFile{std::make_shared<const YamlTree>(build_yaml_tree(name, text))};
}

YamlMap YamlFile::map() const {
    const auto& root = tree_->root;
    if (root.kind == YamlNode::Kind::empty) return YamlMap{tree_, nullptr};
    return YamlValue{tree_, &root}.map();
}

}  // namespace nightjar::node::config

#include "sphinx/node/config/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <set>
#include <sstream>

#include "sphinx/node/config/strict_yaml.hpp"
#include "sphinx/node/config/utf8.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::node::config {

void yaml_fail(const std::string& file, std::size_t line, std::size_t column,
               const std::string& what, const std::string& mend) {
    throw process::ConfigError{file + ":" + std::to_string(line) + ":" + std::to_string(column) +
                               ": " + what + "; " + mend};
}

namespace {

/// Builds the tree from yaml-cpp's events, and rejects what yaml-cpp would accept.
class Builder final : public YAML::EventHandler {
 public:
    explicit Builder(YamlTree& tree) : tree_{tree} {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ > 0) fail(mark, "a second document", "keep one document per file");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        no_anchor(mark, anchor);
        add(mark, "", YamlNode::Kind::empty);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        fail(mark, "an alias", "write the value out");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        no_anchor(mark, anchor);
        if (tag != "?" && tag != "!") no_tag(mark);
        add(mark, value, YamlNode::Kind::scalar).quoted = tag == "!";
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, YamlNode::Kind::list);
    }
    void OnSequenceEnd() override { stack_.pop_back(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, YamlNode::Kind::map);
    }
    void OnMapEnd() override { stack_.pop_back(); }

 private:
    /// A list or map that is being read. Its node does not move: the vector that holds it does not
    /// grow before the node is complete.
    struct Frame {
        YamlNode* node;
        bool has_key = false;
        std::set<std::string> keys{};
    };

    [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what,
                           const std::string& mend) const {
        yaml_fail(tree_.file, line(mark), column(mark), what, mend);
    }
    static std::size_t line(const YAML::Mark& mark) {
        return static_cast<std::size_t>(mark.line < 0 ? 1 : mark.line + 1);
    }
    static std::size_t column(const YAML::Mark& mark) {
        return static_cast<std::size_t>(mark.column < 0 ? 1 : mark.column + 1);
    }
    void no_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
        if (anchor != 0) fail(mark, "an anchor", "write the value where it is used");
    }
    void no_tag(const YAML::Mark& mark) const {
        fail(mark, "a tag", "leave it out; the program knows each key's type");
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              YamlNode::Kind kind) {
        no_anchor(mark, anchor);
        if (tag != "?") no_tag(mark);
        if (stack_.size() == yaml_depth_max) fail(mark, "nested too deeply", "flatten the file");
        stack_.push_back({&add(mark, "", kind)});
    }

    YamlNode& add(const YAML::Mark& mark, const std::string& text, YamlNode::Kind kind) {
        if (stack_.empty()) return fill(tree_.root, mark, text, kind);
        auto& frame = stack_.back();
        if (frame.node->kind == YamlNode::Kind::list) {
            frame.node->entries.push_back({"", line(mark), column(mark), {}});
        } else if (!frame.has_key) {
            add_key(frame, mark, text, kind);
            return frame.node->entries.back().value;  // the next event fills it
        }
        frame.has_key = false;
        auto& entry = frame.node->entries.back();
        auto& node = fill(entry.value, mark, text, kind);
        if (kind == YamlNode::Kind::empty) {
            node.line = entry.line;  // yaml-cpp gives the position of the next token
            node.column = entry.column;
        }
        return node;
    }

    void add_key(Frame& frame, const YAML::Mark& mark, const std::string& text,
                 YamlNode::Kind kind) {
        if (kind != YamlNode::Kind::scalar || text.empty())
            fail(mark, "a key that is not a word", "write `key: value`");
        if (!frame.keys.insert(text).second)
            fail(mark, "the key \"" + text + "\" is given twice", "keep one of the two");
        frame.node->entries.push_back({text, line(mark), column(mark), {}});
        frame.has_key = true;
    }

    static YamlNode& fill(YamlNode& node, const YAML::Mark& mark, const std::string& text,
                          YamlNode::Kind kind) {
        node.kind = kind;
        node.text = text;
        node.line = line(mark);
        node.column = column(mark);
        return node;
    }

    YamlTree& tree_;
    std::vector<Frame> stack_;
    int documents_ = 0;
};

/// Rejects characters that yaml-cpp would silently accept or misread.
void check_characters(const std::string& file, std::string_view text) {
    std::size_t line = 1, column = 1;
    bool indenting = true;
    for (std::size_t at = 0; at < text.size();) {
        const auto character = next_character(text, at);
        if (!character) yaml_fail(file, line, column, "not UTF-8", "save the file as UTF-8");
        if (const auto* fault = forbidden_character(*character))
            yaml_fail(file, line, column, fault, "remove it");
        if (*character == '\t' && indenting)
            yaml_fail(file, line, column, "a tab before the text", "indent with spaces");
        if (*character == '%' && column == 1)
            yaml_fail(file, line, column, "a YAML directive", "remove the line");
        if (*character != ' ') indenting = false;
        ++column;
        if (*character == '\n') {
            ++line;
            column = 1;
            indenting = true;
        }
    }
}

}  // namespace

YamlTree build_yaml_tree(const std::string& file, std::string_view text) {
    if (text.size() > yaml_size_max)
        yaml_fail(file, 1, 1, "longer than 64 KiB", "use a smaller configuration file");
    check_characters(file, text);
    YamlTree tree{file, {}};
    Builder builder{tree};
    try {
        // yaml-cpp accepts an unclosed quote if the file ends right after a line feed. The appended
        // comment prevents that.
        std::istringstream stream{std::string{text} + "\n#"};
        YAML::Parser parser{stream};
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const YAML::Exception& error) {
        const auto from_zero = [](int n) { return static_cast<std::size_t>(n < 0 ? 1 : n + 1); };
        yaml_fail(file, from_zero(error.mark.line), from_zero(error.mark.column),
                  "not YAML (" + error.msg + ")", "correct the line");
    }
    return tree;
}

}  // namespace nightjar::node::config

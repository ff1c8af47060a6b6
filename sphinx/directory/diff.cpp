#include "sphinx/directory/diff.hpp"

#include <sodium.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/statement.hpp"

namespace nightjar::directory {

namespace {

// A relay's next mix key becomes its mix key: it stands one or two lines further on.
constexpr std::size_t ahead_max = 8;

using Lines = std::vector<std::string_view>;
using Hash = base::ByteArray<32>;

Hash hash_of(std::string_view text) {
    Hash hash{};
    const auto bytes = base::as_bytes(text);
    crypto_generichash(hash.data(), hash.size(), bytes.data(), bytes.size(), nullptr, 0);
    return hash;
}

/// Without their line feeds.
Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

/// With its space; empty if the line has none.
std::string_view name_of(std::string_view line) {
    return line.substr(0, line.find(' ') + 1);
}
std::string_view value_of(std::string_view line) {
    return line.substr(name_of(line).size());
}

// --- writing -------------------------------------------------------------------------------------

/// Walks over the older lines, and writes the steps that make the newer ones of them.
class Writer {
 public:
    Writer(const Lines& older, std::string& out) : older_{older}, out_{out} {}

    std::size_t at() const { return at_; }
    void keep() { step(keeps_, drops_); }
    void drop() { step(drops_, keeps_); }
    void add(std::string_view line) {
        flush();
        put_field(out_, "add", line);
    }
    /// The current older line gets this value.
    void set(std::string_view value) {
        flush();
        const auto last = std::min(at_ + ahead_max, older_.size() - 1);
        for (auto other = at_ + 1; other <= last; ++other) {
            if (value_of(older_[other]) != value) continue;
            put_field(out_, "take", other - at_);
            ++at_;
            return;
        }
        put_field(out_, "set", value);
        ++at_;
    }
    void flush() {
        if (keeps_ > 0) put_field(out_, "keep", keeps_);
        if (drops_ > 0) put_field(out_, "drop", drops_);
        keeps_ = drops_ = 0;
    }

 private:
    void step(std::uint64_t& mine, const std::uint64_t& other) {
        if (other > 0) flush();
        ++mine;
        ++at_;
    }

    const Lines& older_;
    std::string& out_;
    std::size_t at_ = 0;
    std::uint64_t keeps_ = 0, drops_ = 0;
};

/// A relay's lines, or those before the first relay.
struct Block {
    std::size_t begin, end;
};
std::vector<Block> blocks_of(const Lines& lines) {
    std::vector<Block> blocks{{0, 0}};
    for (std::size_t at = 0; at < lines.size(); ++at) {
        if (name_of(lines[at]) == "relay ") blocks.push_back({at, at});
        blocks.back().end = at + 1;
    }
    return blocks;
}

/// Precondition: the writer is at the begin of `from`.
void write_changes(Writer& writer, const Lines& older, Block from, const Lines& newer, Block to) {
    for (auto at = to.begin; at < to.end; ++at) {
        const auto line = newer[at], name = name_of(line);
        const auto named = [&](std::string_view other) { return name_of(other) == name; };
        const auto* rest = older.data() + writer.at();
        const auto* end = older.data() + from.end;
        const auto* found = name.empty() ? end : std::find_if(rest, end, named);
        if (found == end) {
            writer.add(line);
            continue;
        }
        while (older.data() + writer.at() != found)
            writer.drop();
        if (*found == line)
            writer.keep();
        else
            writer.set(value_of(line));
    }
    while (writer.at() < from.end)
        writer.drop();
}

// --- reading -------------------------------------------------------------------------------------

class Reader {
 public:
    Reader(Lines older, std::string_view diff)
        : older_{std::move(older)}, fields_{diff, document_text_max} {}

    base::Result<std::string, ParseError> read(const Hash& older) {
        fields_.literal("nightjar-diff", "1");
        Hash from{}, to{};
        fields_.into(from, fields_.take("from"));
        fields_.into(to, fields_.take("to"));
        if (fields_.ok() && from != older) fields_.fail("of another document");
        while (fields_.ok() && step()) {
        }
        fields_.finish();
        if (!fields_.ok()) return base::Fail{fields_.error()};
        if (hash_of(out_) != to) return base::Fail{ParseError{0, "not what it should give"}};
        return std::move(out_);
    }

 private:
    /// False if the next line is no step.
    bool step() {
        if (fields_.next_is("keep")) {
            for (auto left = count("keep"); left > 0; --left)
                put(older_[at_++], "");
        } else if (fields_.next_is("drop")) {
            at_ += count("drop");
        } else if (fields_.next_is("take")) {
            const auto ahead = fields_.number("take", 1, ahead_max);
            if (ahead < older_.size() - at_) return replace(value_of(older_[at_ + ahead]));
            fields_.fail("beyond the end");
        } else if (fields_.next_is("set")) {
            const auto value = fields_.take("set");
            if (at_ < older_.size()) return replace(value);
            fields_.fail("beyond the end");
        } else if (fields_.next_is("add")) {
            put(fields_.take("add"), "");
        } else {
            return false;
        }
        return true;
    }
    std::size_t count(std::string_view name) {
        const auto left = older_.size() - at_;
        const auto number = fields_.number(name, 1, document_text_max);
        if (number > left) fields_.fail("beyond the end");
        return fields_.ok() ? number : 0;
    }
    bool replace(std::string_view value) {
        put(name_of(older_[at_++]), value);
        return true;
    }
    void put(std::string_view begin, std::string_view end) {
        if (!fields_.ok()) return;
        if (out_.size() + begin.size() + end.size() + 1 > document_text_max)
            return fields_.fail("gives more than a document may have");
        out_.append(begin).append(end).append("\n");
    }

    Lines older_;
    FieldReader fields_;
    std::size_t at_ = 0;
    std::string out_;
};

}  // namespace

std::string make_diff(std::string_view older, std::string_view newer) {
    const auto base = signed_part(older);
    const auto from = lines_of(base), to = lines_of(newer);
    std::string out;
    put_field(out, "nightjar-diff", 1);
    put_field(out, "from", base::to_hex(hash_of(base)));
    put_field(out, "to", base::to_hex(hash_of(newer)));
    Writer writer{from, out};
    const auto old_blocks = blocks_of(from), new_blocks = blocks_of(to);
    write_changes(writer, from, old_blocks.front(), to, new_blocks.front());
    std::size_t old = 1;
    for (std::size_t i = 1; i < new_blocks.size(); ++i) {
        const auto relay = to[new_blocks[i].begin];
        for (; old < old_blocks.size() && from[old_blocks[old].begin] < relay; ++old)
            while (writer.at() < old_blocks[old].end)
                writer.drop();
        Block mine{writer.at(), writer.at()};
        if (old < old_blocks.size() && from[old_blocks[old].begin] == relay)
            mine = old_blocks[old++];
        write_changes(writer, from, mine, to, new_blocks[i]);
    }
    while (writer.at() < from.size())
        writer.drop();
    writer.flush();
    return out;
}

base::Result<std::string, ParseError> apply_diff(std::string_view older, std::string_view diff) {
    const auto base = signed_part(older);
    return Reader{lines_of(base), diff}.read(hash_of(base));
}

}  // namespace nightjar::directory

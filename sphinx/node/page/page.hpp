// A page for a browser, to be put on a web server or opened as a file: the status pages of relay,
// client and authority have one look. It loads nothing, runs nothing, and forbids the browser both.
// It is light or dark, as the reader's browser prefers. Every text that is given to it is escaped,
// so a caller may show what others chose. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nightjar::node::page {

/// The colour of a text.
enum class Mark { plain, good, wait, bad };

struct Text {
    std::string text;
    Mark mark = Mark::plain;
    Text(std::string shown = {}, Mark colour = Mark::plain)
        : text{std::move(shown)}, mark{colour} {}
    Text(const char* shown) : text{shown} {}
};

/// A line of facts: what it is, and the value. One without a value is not shown.
struct Fact {
    std::string name;
    Text value;
};

class Page {
 public:
    /// `title` is for the browser's tab. The page begins with `heading`, and the state in a frame
    /// of its colour; none if it is empty.
    Page(std::string_view title, std::string_view heading, const Text& state = {});

    Page& paragraph(std::string_view text);
    Page& section(std::string_view heading);
    Page& facts(const std::vector<Fact>& facts);
    /// Precondition: each row has as many cells as there are columns.
    Page& table(const std::vector<std::string>& columns,
                const std::vector<std::vector<Text>>& rows);
    Page& list(const std::vector<std::string>& sentences);

    /// The whole page; no line at its foot if `footer` is empty.
    std::string finish(std::string_view footer = {}) &&;

 private:
    std::string html_;
};

}  // namespace nightjar::node::page

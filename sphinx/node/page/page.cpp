#include "sphinx/node/page/page.hpp"

#include <cassert>
#include <utility>

namespace nightjar::node::page {

namespace {

constexpr std::string_view head = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<style>
:root { --page: #f6f7f9; --card: #fff; --text: #1c2430; --faint: #5b6675; --line: #dfe3e8;
        --good: #14713d; --wait: #8a5a00; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12161c; --card: #1b212a; --text: #e6eaf0; --faint: #9aa6b5; --line: #2d3642;
          --good: #5fd38d; --wait: #f0b952; --bad: #ff8a80; }
}
body { margin: 0; padding: 2rem 1rem; background: var(--page); color: var(--text);
       font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: auto; padding: 1.5rem; background: var(--card);
       border: 1px solid var(--line); border-radius: .75rem; }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; }
h2 { margin: 1.75rem 0 0; font-size: 1.1rem; }
.state { display: inline-block; padding: 0 .6rem; border: 1px solid; border-radius: 1rem;
         font-size: 1rem; font-weight: 600; vertical-align: middle; }
.good { color: var(--good); } .wait { color: var(--wait); } .bad { color: var(--bad); }
p, footer { color: var(--faint); }
table { width: 100%; border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .45rem 1rem .45rem 0; border-top: 1px solid var(--line); text-align: left;
         vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 500; color: var(--faint); }
th[scope=row] { width: 12rem; }
thead th { border-top: 0; font-size: .85rem; overflow-wrap: normal; }
.wide { overflow-x: auto; }
footer { font-size: .85rem; }
</style>
)";

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            case '\'':
                safe += "&#39;";
                break;
            default:
                safe += c;
        }
    }
    return safe;
}

const char* class_of(Mark mark) {
    switch (mark) {
        case Mark::good:
            return "good";
        case Mark::wait:
            return "wait";
        case Mark::bad:
            return "bad";
        case Mark::plain:
            break;
    }
    return "";
}

std::string cell(const Text& value) {
    const std::string colour{class_of(value.mark)};
    return (colour.empty() ? "<td>" : "<td class=\"" + colour + "\">") + escaped(value.text) +
           "</td>";
}

}  // namespace

Page::Page(std::string_view title, std::string_view heading, const Text& state) : html_{head} {
    html_ +=
        "<title>" + escaped(title) + "</title>\n</head>\n<body>\n<main>\n<h1>" + escaped(heading);
    if (!state.text.empty())
        html_ += std::string{" <span class=\"state "} + class_of(state.mark) + "\">" +
                 escaped(state.text) + "</span>";
    html_ += "</h1>\n";
}

Page& Page::paragraph(std::string_view text) {
    html_ += "<p>" + escaped(text) + "</p>\n";
    return *this;
}

Page& Page::section(std::string_view heading) {
    html_ += "<h2>" + escaped(heading) + "</h2>\n";
    return *this;
}

Page& Page::facts(const std::vector<Fact>& facts) {
    html_ += "<table>\n";
    for (const auto& fact : facts)
        if (!fact.value.text.empty())
            html_ += "<tr><th scope=\"row\">" + escaped(fact.name) + "</th>" + cell(fact.value) +
                     "</tr>\n";
    html_ += "</table>\n";
    return *this;
}

Page& Page::table(const std::vector<std::string>& columns,
                  const std::vector<std::vector<Text>>& rows) {
    html_ += "<div class=\"wide\"><table>\n<thead><tr>";
    for (const auto& column : columns)
        html_ += "<th scope=\"col\">" + escaped(column) + "</th>";
    html_ += "</tr></thead>\n";
    for (const auto& row : rows) {
        assert(row.size() == columns.size());
        html_ += "<tr>";
        for (const auto& value : row)
            html_ += cell(value);
        html_ += "</tr>\n";
    }
    html_ += "</table></div>\n";
    return *this;
}

Page& Page::list(const std::vector<std::string>& sentences) {
    html_ += "<ul>\n";
    for (const auto& sentence : sentences)
        html_ += "<li>" + escaped(sentence) + "</li>\n";
    html_ += "</ul>\n";
    return *this;
}

std::string Page::finish(std::string_view footer) && {
    if (!footer.empty()) html_ += "<footer>" + escaped(footer) + "</footer>\n";
    html_ += "</main>\n</body>\n</html>\n";
    return std::move(html_);
}

}  // namespace nightjar::node::page

#include "sphinx/node/page/page.hpp"

#include <doctest/doctest.h>

using namespace nightjar::node::page;

namespace {

constexpr auto evil = "<script>alert('x' & \"y\")</script>";
constexpr auto safe = "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;";

std::size_t count(const std::string& page, std::string_view text) {
    std::size_t found = 0;
    for (auto at = page.find(text); at != page.npos; at = page.find(text, at + 1))
        ++found;
    return found;
}

/// A page with this text in each place that takes one.
std::string full_of(const std::string& text) {
    Page page{text, text, {text, Mark::bad}};
    page.paragraph(text).section(text).list({text}).facts({{text, {text, Mark::good}}});
    page.table({text, "other"}, {{text, {text, Mark::wait}}});
    return std::move(page).finish(text);
}

}  // namespace

TEST_CASE("page: every text in every place is escaped") {
    const auto page = full_of(evil);
    CHECK(count(page, safe) == 12);
    CHECK(count(page, "<script") == 0);
}

TEST_CASE("page: it loads nothing, and forbids the browser to") {
    const auto page = full_of("a");
    CHECK(count(page, "content=\"default-src 'none'; style-src 'unsafe-inline'\"") == 1);
    for (const auto* outside :
         {"://", "src=", "href=", "url(", "@import", "<script", "<img", "<link"})
        CHECK(count(page, outside) == 0);
}

TEST_CASE("page: each part that is opened is closed, a state has its colour") {
    const auto page = full_of("a");
    for (const std::string part :
         {"html", "head", "body", "main", "h1", "h2", "p", "ul", "li", "table", "thead", "tr", "td",
          "div", "span", "footer", "style"}) {
        CAPTURE(part);
        CHECK(count(page, "<" + part + ">") + count(page, "<" + part + " ") ==
              count(page, "</" + part + ">"));
    }
    CHECK(count(page, "<span class=\"state bad\">a</span>") == 1);
    CHECK(count(page, "<td class=\"good\">a</td>") == 1);
    CHECK(count(page, "<td class=\"wait\">a</td>") == 1);
}

TEST_CASE("page: what is not there is not shown") {
    Page page{"a", "b"};
    page.facts({{"shown", "1"}, {"without", ""}});
    const auto html = std::move(page).finish();
    CHECK(count(html, "shown") == 1);
    for (const auto* absent : {"without", "<span", "<footer"})
        CHECK(count(html, absent) == 0);
}

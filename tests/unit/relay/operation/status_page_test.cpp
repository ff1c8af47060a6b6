#include "relay/operation/status_page.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "relay/operation/status.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::operation;

namespace {

const base::Wall made{base::Seconds{1'800'000'000}};

StatusFacts facts() {
    StatusFacts status;
    status.name = "mix-a";
    status.role = "mix";
    status.layer = 2;
    status.network = "test";
    status.key_epochs = {{7}, {8}};
    status.facts.version = "0.1.0";
    status.facts.state = core::State::active;
    status.facts.epoch = base::Epoch{7};
    status.facts.directory_valid_until = base::Wall{base::Seconds{1'800'003'600}};
    return status;
}

std::string page_of(const StatusFacts& status) {
    return status_page(to_json(status), status.name, made);
}

bool holds(const std::string& page, const std::string& text) {
    return page.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("status page: static facts, in the colour of the state") {
    const auto page = page_of(facts());
    CHECK(page.starts_with("<!DOCTYPE html>"));
    CHECK(holds(page, "<title>Relay mix-a: active</title>"));
    CHECK(holds(page, "<span class=\"state good\">active</span>"));
    CHECK(holds(page, "<td>mix in layer 2</td>"));
    CHECK(holds(page, "<td>2027-01-15 09:00:00 UTC</td>"));
    CHECK(holds(page, "<td>7, 8</td>"));
    CHECK(holds(page, "Made at 2027-01-15 08:00:00 UTC"));
    CHECK(holds(page, "prefers-color-scheme: dark"));
    auto expired = facts();
    expired.facts.state = core::State::document_expired;
    expired.facts.config_last_reload_successful = false;
    CHECK(holds(page_of(expired), "<span class=\"state bad\">document_expired</span>"));
    CHECK(holds(page_of(expired), "<td>refused</td>"));
}

TEST_CASE("status page: nothing that traffic, links or loops change, in a lab neither") {
    auto busy = facts();
    busy.links = {4, 3, 2, 77};
    busy.facts.loops = {true, true, made};
    busy.facts.lab = true;
    busy.replay_filter_full = busy.replay_room_short = true;
    busy.authority = {"192.0.2.1:443", base::Epoch{7}, false, "not admitted"};
    busy.lab.emplace().counters.packets_in = 42;
    CHECK(page_of(busy) == page_of(facts()));
    busy.month_cap = 2'000'000'000'000;
    auto capped = facts();
    capped.month_cap = busy.month_cap;
    busy.month = metrics::MonthUse{200'000'000, base::Seconds{86'400}, base::Seconds{172'800}};
    CHECK(holds(page_of(capped), "<td>2.0 TB</td>"));
    CHECK(page_of(busy) == page_of(capped));
}

TEST_CASE("status page: it loads nothing, and forbids the browser to") {
    const auto page = page_of(facts());
    CHECK(holds(page, "content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    for (const auto* outside :
         {"://", "src=", "href=", "url(", "@import", "<script", "<img", "<link"})
        CHECK_FALSE(holds(page, outside));
}

TEST_CASE("status page: every text is escaped") {
    constexpr auto evil = "<script>alert('x' & \"y\")</script>";
    constexpr auto safe = "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;";
    for (const auto* key : {"role", "network", "identity", "version"}) {
        CAPTURE(key);
        const nlohmann::json status{{"state", "active"}, {key, evil}};
        const auto page = status_page(status.dump(), "mix-a", made);
        CHECK(holds(page, safe));
        CHECK_FALSE(holds(page, "<script"));
    }
    CHECK(holds(status_page(std::nullopt, evil, made), safe));
    // A state that is none of ours is not shown at all.
    const auto odd = status_page("{\"state\":\"<b>\"}", "mix-a", made);
    CHECK_FALSE(holds(odd, "<b>"));
    CHECK(holds(odd, "not running"));
}

TEST_CASE("status page: a relay that does not answer, or not with a status, is not running") {
    for (const auto& answer : {std::optional<std::string>{}, std::optional<std::string>{"nonsense"},
                               std::optional<std::string>{"[1]"}}) {
        const auto page = status_page(answer, "mix-a", made);
        CHECK(holds(page, "<span class=\"state bad\">not running</span>"));
        CHECK_FALSE(holds(page, "<table>"));
    }
    const auto odd = status_page(
        R"({"state":"active","key_epochs":["x",-1],"document_valid_until":"soon","epoch":-4})",
        "mix-a", made);
    CHECK(holds(odd, "active</span>"));
    CHECK_FALSE(holds(odd, "<tr>"));
}

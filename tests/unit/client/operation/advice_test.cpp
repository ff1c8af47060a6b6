#include "client/operation/advice.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::client::operation;
using client::core::LoopState;
using node::link::LinkError;

namespace {

std::string name_in(const Situation& situation) {
    const auto problem = problem_in(situation);
    if (!problem) return "";
    CHECK(!problem->what.empty());
    CHECK(!problem->mend.empty());
    return problem->name;
}

/// A client that works.
Situation works() {
    return {.now = base::Mono{} + base::Seconds{10'000},
            .has_document = true,
            .link_is_up = true,
            .loops = LoopState::Kind::returning,
            .document_left = base::Seconds{3'600},
            .epoch_length = base::Seconds{3'600}};
}

}  // namespace

TEST_CASE("advice: each state that a client cannot work in has a name and a mend") {
    CHECK(name_in(works()).empty());

    Situation starts;
    starts.waiting_for = first_step;
    CHECK(name_in(starts).empty());
    starts.waiting_for = "this machine's clock says 1970: set the clock";
    CHECK(name_in(starts) == "clock");
    starts.waiting_for = "no link to a gateway: unreachable";
    CHECK(name_in(starts) == "no-document");

    auto down = works();
    down.link_is_up = false;
    down.down_since = down.now - base::Seconds{3'599};
    CHECK(name_in(down).empty());
    const std::pair<LinkError, const char*> rows[] = {
        {LinkError::unreachable, "unreachable"},  {LinkError::handshake, "captive-portal"},
        {LinkError::bad_hello, "captive-portal"}, {LinkError::timed_out, "no-answer"},
        {LinkError::silent, "no-answer"},         {LinkError::stuck, "no-answer"},
        {LinkError::closed, "link-ended"},        {LinkError::bad_cell, "link-ended"},
        {LinkError::abuse, "link-ended"}};
    for (const auto& [failure, name] : rows) {
        down.failure = failure;
        CHECK(name_in(down) == name);
    }
    down.down_since = down.now - base::Seconds{3'600};
    CHECK(name_in(down) == "gateway-gone");
    CHECK(problem_in(down)->what == "the gateway has been away for 1 h");
}

TEST_CASE("advice: what is wrong while the link is up, the worst first") {
    auto up = works();
    up.document_withheld = true;
    CHECK(name_in(up) == "document-withheld");
    up.document_left = base::Seconds{449};
    CHECK(name_in(up) == "document-ends");
    up.gateway_missing = true;
    CHECK(name_in(up) == "gateway-left");
    up.suspend = Suspend{.ended = up.now - base::Seconds{300}, .length = base::Seconds{30}};
    CHECK(name_in(up) == "suspended");
    CHECK(problem_in(up)->mend.starts_with("nothing to do"));
    up.suspend->length = base::Seconds{120};
    CHECK(problem_in(up)->mend.starts_with("connections of before have ended"));
    up.loops = LoopState::Kind::missing;
    CHECK(name_in(up) == "packets-missing");
    up.loops = LoopState::Kind::silent;
    CHECK(name_in(up) == "silent");
    up.exit_country_fault = "only 2 of 9 exits";
    CHECK(name_in(up) == "exit-country");
    CHECK(problem_in(up)->what == "only 2 of 9 exits");
    up.link_is_up = false;
    CHECK(name_in(up) == "exit-country");
    up.link_is_up = true;
    up.conflict = true;
    CHECK(name_in(up) == "two-documents");
    up.conflict = false;
    up.exit_country_fault.reset();
    up.loops = LoopState::Kind::starting;
    up.gateway_missing = false;
    up.document_withheld = false;
    up.suspend->ended -= base::Seconds{1};
    up.document_left = base::Seconds{450};
    CHECK(name_in(up).empty());
}

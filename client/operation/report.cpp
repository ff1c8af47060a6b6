#include "client/operation/report.hpp"

#include "sphinx/directory/exit_group.hpp"

namespace nightjar::client::operation {

namespace {

// Second_passed() comes once a second. After a gap of this length the process has stood still.
constexpr base::Seconds stood_still{10};

}  // namespace

void Report::document_there(base::Mono now) {
    stages_.done(protocol::Stage::document, now);
    progress_.reset();
    down_since_ = now;
    waiting_for = "a link to the gateway";
}

const std::optional<std::string>& Report::document_used(const directory::Document& document) {
    if (exit_country_fault_ && waiting_for == *exit_country_fault_)
        waiting_for = "the first reply of an exit";
    exit_country_fault_.reset();
    if (!exit_country_.empty())
        exit_country_fault_ = directory::group_fault(document, exit_country_);
    return exit_country_fault_;
}

void Report::link_up(base::Mono now) {
    stages_.done(protocol::Stage::link, now);
    failure_.reset();
    down_since_.reset();
    waiting_for = exit_country_fault_.value_or("the first reply of an exit");
}

void Report::link_down(node::link::LinkError why, base::Mono now) {
    failure_ = why;
    down_since_ = now;
    waiting_for = std::string{"the link to the gateway ended: "} + node::link::to_string(why);
}

void Report::link_refused(node::link::LinkError why) {
    failure_ = why;
    waiting_for = std::string{"no link to the gateway: "} + node::link::to_string(why);
}

void Report::ready(base::Mono now, base::Wall wall) {
    stages_.done(protocol::Stage::session, now);
    ready_since_ = wall;
}

void Report::second_passed(base::Mono now, base::Nanoseconds boot, const protocol::Carried& carried,
                           const core::CoreStatus* core, const directory::Document* document) {
    if (last_second_ && boot - *last_second_ > stood_still)
        suspend_ = Suspend{.ended = now, .length = boot - *last_second_};
    last_second_ = boot;
    goodput_.sample(now, carried);
    if (core != nullptr && document != nullptr && core->first_pace && !stages_.all_done())
        stages_.expect(*core->first_pace + document->parameters.mean_round_trip());
}

protocol::DaemonStatus Report::status(base::Mono now, base::Wall wall, const core::CoreStatus* core,
                                      const directory::Document* document) const {
    Situation situation{.now = now,
                        .has_document = document != nullptr,
                        .waiting_for = waiting_for,
                        .link_is_up = core != nullptr && core->connected,
                        .failure = failure_,
                        .down_since = down_since_,
                        .suspend = suspend_,
                        .gateway_missing = gateway_missing_,
                        .document_withheld = document_withheld_,
                        .exit_country_fault = exit_country_fault_};
    if (core != nullptr) situation.loops = core->loops.kind;
    if (document != nullptr) {
        situation.conflict = conflict_ == document->epoch;
        situation.document_left = document->valid_until - wall;
        situation.epoch_length = document->parameters.epoch_length;
    }
    std::optional<protocol::ExitChoice> exits;
    if (document != nullptr && !exit_country_.empty())
        exits = {exit_country_, directory::exit_group(*document, exit_country_)};
    return {.now = now,
            .stages = stages_.rows(now),
            .progress = progress_,
            .started = stages_.all_done(),
            .ready_since = ready_since_,
            .waiting_for = waiting_for,
            .problem = problem_in(situation),
            .document_withheld = document_withheld_,
            .goodput = goodput_.per_second(),
            .exits = exits};
}

}  // namespace nightjar::client::operation

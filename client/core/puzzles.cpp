#include "client/core/puzzles.hpp"

#include <algorithm>

namespace nightjar::client::core {

std::uint32_t tries_per_slot(const directory::Parameters& parameters) {
    const auto slots = parameters.main_slots.per_second() + parameters.client_loops.per_second();
    return static_cast<std::uint32_t>(std::min(tries_max, tries_per_second / slots));
}

base::SessionId Puzzles::begin(SessionHandle session, const base::NodeId& exit,
                               const base::SessionId& fresh, base::Wall now) {
    const auto period = stream::puzzle_period_at(now);
    const bool prepared = ahead_ && ahead_->puzzle().exit == exit &&
                          ahead_->puzzle().period <= period &&
                          period - ahead_->puzzle().period <= 1;
    if (prepared)
        sessions_.push_back({session, *ahead_});
    else
        sessions_.push_back({session, {{exit, period, fresh}, bits_}});
    if (prepared) ahead_.reset();
    return sessions_.back().search.puzzle().session;
}

void Puzzles::prepare(const base::NodeId& exit, base::Random& random, base::Wall now) {
    ahead_.emplace(
        stream::Puzzle{exit, stream::puzzle_period_at(now), random.id<base::SessionId>()}, bits_);
}

std::vector<Puzzles::Solved> Puzzles::step(std::uint32_t tries) {
    std::vector<Solved> solved;
    std::erase_if(sessions_, [&](OfSession& of) {
        const auto solution = of.search.step(tries);
        if (solution) solved.push_back({of.session, *solution});
        return solution.has_value();
    });
    if (ahead_) ahead_->step(tries);
    return solved;
}

void Puzzles::ended(SessionHandle session) {
    std::erase_if(sessions_, [session](const OfSession& of) { return of.session == session; });
}

}  // namespace nightjar::client::core

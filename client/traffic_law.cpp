#include "client/traffic_law.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace nightjar::client {

TrafficLaw::TrafficLaw(const directory::Parameters& parameters, base::Random& random)
    : random_{random},
      main_gap_{parameters.main_slots.mean_gap()},
      loop_gap_{parameters.client_loops.mean_gap()} {}

void TrafficLaw::use(const directory::Parameters& parameters, base::Mono now) {
    const auto main_gap = parameters.main_slots.mean_gap();
    const auto loop_gap = parameters.client_loops.mean_gap();
    if (main_gap == main_gap_ && loop_gap == loop_gap_) return;
    main_gap_ = main_gap;
    loop_gap_ = loop_gap;
    if (!running_) return;
    // A Poisson process has no memory: drawing anew behind what is fixed changes nothing but the
    // rate.
    const auto from = ready_.empty() ? now : std::max(now, ready_.back().slot.due);
    next_main_ = draw(Slot::Kind::main, from);
    next_loop_ = draw(Slot::Kind::loop, from);
}

void TrafficLaw::start(base::Mono now) {
    ready_.clear();
    next_main_ = draw(Slot::Kind::main, now);
    next_loop_ = draw(Slot::Kind::loop, now);
    running_ = true;
}

void TrafficLaw::stop() {
    ready_.clear();
    running_ = false;
}

Slot TrafficLaw::draw(Slot::Kind kind, base::Mono after) {
    Slot slot{.kind = kind};
    slot.due = after + random_.exponential(kind == Slot::Kind::main ? main_gap_ : loop_gap_);
    slot.lot = random_.unit();
    return slot;
}

const Slot& TrafficLaw::upcoming() const {
    return next_loop_.due < next_main_.due ? next_loop_ : next_main_;
}

Slot TrafficLaw::take() {
    auto& next = next_loop_.due < next_main_.due ? next_loop_ : next_main_;
    const Slot taken = next;
    next = draw(taken.kind, taken.due);
    return taken;
}

std::optional<Slot> TrafficLaw::to_prepare(base::Mono now) {
    if (!running_) return std::nullopt;
    // The caller sleeps until the next slot and wakes late: what is due by then needs a packet too.
    const auto wakes = ready_.empty() ? now : std::max(now, ready_.front().slot.due);
    if (ready_.size() >= slots_ahead && upcoming().due > wakes + prepare_lead) return std::nullopt;
    return take();
}

void TrafficLaw::put(const Slot& slot, cell::CellBox cell) {
    assert(ready_.empty() || ready_.back().slot.due <= slot.due);
    ready_.push_back({slot, std::move(cell)});
}

std::vector<cell::CellBox> TrafficLaw::due(base::Mono now) {
    std::vector<cell::CellBox> cells;
    if (!running_) return cells;
    while (!ready_.empty() && ready_.front().slot.due <= now) {
        auto& [slot, cell] = ready_.front();
        if (cell && now - slot.due <= slot_late_max) {
            ++(slot.kind == Slot::Kind::main ? counts_.main : counts_.loops);
            cells.push_back(std::move(cell));
        } else {
            ++counts_.lost;
        }
        ready_.pop_front();
    }
    if (now - upcoming().due > restart_after) {
        start(now);
    } else {
        for (; upcoming().due <= now; take())
            ++counts_.lost;
    }
    return cells;
}

base::Mono TrafficLaw::next_due() const {
    if (!running_) return base::Mono::max();
    return ready_.empty() ? upcoming().due : ready_.front().slot.due;
}

}  // namespace nightjar::client

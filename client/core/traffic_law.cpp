#include "client/core/traffic_law.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace nightjar::client::core {

TrafficLaw::TrafficLaw(const directory::Parameters& parameters, base::Random& random)
    : moments_{random},
      kinds_{random},
      main_{parameters.main_slots},
      loops_{parameters.client_loops} {}

void TrafficLaw::use(const directory::Parameters& parameters, base::Mono now) {
    if (parameters.main_slots == main_ && parameters.client_loops == loops_) return;
    // Two gaps behind its law time the last prepared slot is over, whatever the phase.
    const auto from = ready_.empty() ? now : std::max(now, ready_.back().slot.nominal + 2 * gap());
    main_ = parameters.main_slots;
    loops_ = parameters.client_loops;
    // Everything after the prepared slots is drawn anew, the upcoming slot and the loops' gap too.
    if (!running_) return;
    begin_loops();
    begin_gap(gap_from(from));
}

void TrafficLaw::begin_loops() {
    loops_gap_passed_ = kinds_.unit();
    loop_at_ = kinds_.unit();
    loop_ahead_ = loop_at_ > loops_gap_passed_;
}

void TrafficLaw::start(base::Mono now, base::Mono zero) {
    ready_.clear();
    zero_ = zero;
    // Random phase: the schedule must not reveal the connect time.
    phase_ = moments_.unit();
    begin_loops();
    begin_gap(gap_from(now));
    running_ = true;
}

void TrafficLaw::stop() {
    for (auto& ready : ready_)
        unwritten(std::move(ready.packet));
    ready_.clear();
    running_ = false;
}

base::Nanoseconds TrafficLaw::gap() const {
    return directory::Rate{main_.milli + loops_.milli}.mean_gap();
}

std::int64_t TrafficLaw::gap_from(base::Mono time) const {
    return (time - zero_ + gap() - base::Nanoseconds{1}) / gap();
}

void TrafficLaw::begin_gap(std::int64_t number) {
    gap_number_ = number;
    upcoming_.nominal = zero_ + number * gap();
    const auto place = phase_ + directory::place_in_gap(moments_.unit());
    upcoming_.due = upcoming_.nominal + base::from_seconds(place * base::to_seconds(gap()));
    upcoming_.kind = next_is_loop() ? Slot::Kind::loop : Slot::Kind::main;
}

bool TrafficLaw::next_is_loop() {
    // A gap of 1/L is longer than a slot's gap, so at most one of them ends within a slot's gap.
    bool loop = false;
    loops_gap_passed_ += loops_.per_second() / (main_.per_second() + loops_.per_second());
    if (loops_gap_passed_ >= 1) {
        loops_gap_passed_ -= 1;
        loop = loop_ahead_;
        loop_ahead_ = true;
        loop_at_ = kinds_.unit();
    }
    if (!loop && loop_ahead_ && loops_gap_passed_ >= loop_at_) {
        loop = true;
        loop_ahead_ = false;
    }
    return loop;
}

Slot TrafficLaw::take() {
    const Slot taken = upcoming_;
    begin_gap(gap_number_ + 1);
    return taken;
}

std::optional<Slot> TrafficLaw::to_prepare(base::Mono now) {
    if (!running_) return std::nullopt;
    // The caller sleeps until the next slot and may wake late. Slots due by then need packets too.
    const auto wakes = ready_.empty() ? now : std::max(now, ready_.front().slot.due);
    if (ready_.size() >= slots_ahead && upcoming_.due > wakes + prepare_lead) return std::nullopt;
    return take();
}

void TrafficLaw::put(const Slot& slot, SlotPacket packet) {
    assert(ready_.empty() || ready_.back().slot.due <= slot.due);
    ready_.push_back({slot, std::move(packet)});
}

std::vector<SlotPacket> TrafficLaw::due(base::Mono now, base::Nanoseconds ahead) {
    std::vector<SlotPacket> packets;
    if (!running_) return packets;
    while (!ready_.empty() && ready_.front().slot.due <= now + ahead) {
        auto [slot, packet] = std::move(ready_.front());
        ready_.erase(ready_.begin());
        if (packet.cell && now - slot.due <= slot_late_max) {
            if (slot.kind == Slot::Kind::loop && control_) {
                ++counts_.controls;
                packets.push_back({.cell = std::move(control_), .due = slot.due});
                unwritten(std::move(packet));
                continue;
            }
            ++(slot.kind == Slot::Kind::main ? counts_.main : counts_.loops);
            packet.due = slot.due;
            packets.push_back(std::move(packet));
        } else {
            ++counts_.lost;
            unwritten(std::move(packet));
        }
    }
    if (now - upcoming_.due > restart_after) {
        start(now, zero_);
    } else {
        for (; upcoming_.due <= now; take())
            ++counts_.lost;
    }
    return packets;
}

void TrafficLaw::unwritten(SlotPacket packet) {
    packet.cell.reset();
    unsent_.push_back(std::move(packet));
}

base::Mono TrafficLaw::next_due() const {
    if (!running_) return base::Mono::max();
    return ready_.empty() ? upcoming_.due : ready_.front().slot.due;
}

}  // namespace nightjar::client::core

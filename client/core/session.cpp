#include "client/core/session.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace nightjar::client::core {
namespace {

constexpr std::size_t pings_max = 64;

stream::Schedule on_the_wire(const PaceSchedule& schedule, base::Mono due) {
    if (due >= schedule.change_at)
        return {.sequence = schedule.sequence, .pace_milli = schedule.next.milli};
    return {.sequence = schedule.sequence,
            .pace_milli = schedule.now.milli,
            .change_at = schedule.change_second,
            .next_pace_milli = schedule.next.milli};
}

}  // namespace

base::Nanoseconds dead_after(double pace) {
    return std::max<base::Nanoseconds>(base::Seconds{8},
                                       base::from_seconds(14.0 / std::max(pace, 0.01)));
}

base::Wall keys_end(const directory::Parameters& parameters, base::Epoch epoch) {
    const auto grace = std::chrono::ceil<base::Seconds>(parameters.longest_route_delay());
    return directory::epoch_start(epoch.next(), parameters.epoch_length) + grace +
           directory::made_for_next;
}

Session::Session(SessionHandle handle, base::NodeId exit, const directory::Parameters& parameters,
                 base::Random& random)
    : handle_{handle},
      id_{random.id<base::SessionId>()},
      parameters_{parameters},
      routes_{exit, parameters.fixed_hops},
      mux_{stream::Side::client, stream::MuxLimits::for_rate(parameters.main_slots.per_second())},
      sent_{parameters.resend_after(parameters.replies), parameters.longest_route_delay()} {}

/// Writes up to `count` SURBs to the front of `message`, and returns their identifiers.
std::vector<base::SurbId> Session::write_surbs(std::uint32_t count, base::Epoch epoch,
                                               base::Mono due, base::ByteSpan message,
                                               const SessionContext& context) {
    const auto destination = *base::Destination::from(context.self.bytes);
    std::vector<base::SurbId> made;
    while (made.size() < count) {
        const auto route = routes_.reply(context.document, context.gateway, context.random);
        if (!route) break;
        const auto hops = to_hops(context.document, *route, epoch, context.random);
        if (!hops) break;
        auto identifier = context.random.id<base::SurbId>();
        while (identifier.is_zero())
            identifier = context.random.id<base::SurbId>();
        auto surb = context.sealer.surb(*hops, destination, identifier, context.random);
        if (!surb) break;
        std::copy(surb->surb.begin(), surb->surb.end(),
                  message.begin() + static_cast<std::ptrdiff_t>(made.size() * stream::surb_size));
        Expected expected{.recovery = std::move(surb->recovery),
                          .session = handle_,
                          .made = due,
                          .ends = keys_end(parameters_, epoch),
                          .hops = hops->size()};
        for (std::size_t i = 0; i < hops->size(); ++i)
            expected.route[i] = (*hops)[i].address;
        context.outstanding.add(std::move(expected));
        made.push_back(identifier);
    }
    return made;
}

void Session::note_pings(const std::vector<std::uint64_t>& nonces, stream::PacketNumber number,
                         const directory::Route& route, base::Mono leaves) {
    for (const auto nonce : nonces) {
        if (pings_.size() >= pings_max) pings_.erase(pings_.begin());
        auto& ping = pings_[nonce];
        ping.number = number;
        ping.left = leaves;
        for (const auto* relay : route)
            ping.there.push_back(relay->identity);
    }
}

std::optional<SlotPacket> Session::compose(const PaceSchedule& schedule, base::Mono due,
                                           base::Wall wall, base::Mono leaves,
                                           const SessionContext& context) {
    // After a quick reconnect `due` can lie before slots of the old link, whose packets never left.
    due = newest_slot_ = std::max(due, newest_slot_);
    expire(due, context.outstanding);
    const auto epoch = directory::epoch_to_build_for(wall, parameters_.epoch_length);
    const auto route = routes_.forward(context.document, context.gateway, context.random);
    if (!route) return std::nullopt;
    const auto hops = to_hops(context.document, *route, epoch, context.random);
    if (!hops) return std::nullopt;

    base::ByteArray<stream::message_size> message{};
    const base::ByteSpan behind_header = base::ByteSpan{message}.subspan(stream::up_header_size);
    const auto wanted = top_up(estimate(due), target(schedule, due));
    auto made = write_surbs(wanted, epoch, due, behind_header, context);
    const auto surbs = static_cast<std::uint32_t>(made.size());
    const auto number = sent_.next(due, surbs);
    std::vector<std::uint64_t> pings;
    mux_.fill(number, behind_header.subspan(surbs * stream::surb_size), &pings);
    note_pings(pings, number, *route, leaves);
    stream::encode({.session = id_,
                    .surb_count = static_cast<std::uint8_t>(surbs),
                    .surb_epoch = epoch.low_byte(),
                    .number = number,
                    .schedule = on_the_wire(schedule, due),
                    .acks = arrived_.next_acks()},
                   message);

    auto cell = cell::Cell::boxed_packet(epoch.low_byte());
    const auto destination = *base::Destination::from(exit().bytes);
    if (!context.sealer.forward(*hops, destination, message, context.random, cell->body())) {
        not_sent(number);
        return std::nullopt;
    }
    return SlotPacket{std::move(cell), handle_, number, std::move(made)};
}

void Session::not_sent(stream::PacketNumber number) {
    if (!sent_.withdraw(number)) return;
    mux_.lost(number);
    for (auto next = pings_.begin(); next != pings_.end();) {
        const auto ping = next++;
        if (ping->second.number != number) continue;
        mux_.ping(ping->first);
        pings_.erase(ping);
    }
}

bool Session::on_reply(base::ByteView message, const Expected& spent, base::Mono now) {
    const auto header = stream::decode_down(message);
    if (!header) return false;
    const auto frames =
        stream::CheckedFrames::parse(stream::Side::client, stream::frames_of(*header, message));
    if (!frames) return false;
    if (!arrived_.arrived(header->number)) return false;
    for (const auto& settled : sent_.on_acks(header->acks))
        mux_.acknowledged(settled.number);
    stock_.on_reply(header->number, header->stock, now);
    if (!spent_before_) {
        // The exit spends SURBs first in, first out. A SURB made a longest route delay before this
        // one reached the exit earlier, so it was spent earlier. Its reply arrives within another
        // longest route delay, or never.
        const auto longest = parameters_.longest_route_delay();
        spent_before_ = SpentBefore{spent.made - longest, now + longest};
    }
    mux_.receive(*frames);
    return true;
}

void Session::expire(base::Mono now, Outstanding& outstanding) {
    if (spent_before_ && now >= spent_before_->after) {
        outstanding.forget_before(handle_, spent_before_->made);
        spent_before_.reset();
    }
    // Before the exit's first tick no packet could have been acknowledged, so none is overdue.
    if (!stock_.heard() && (!ticks_from_ || now < *ticks_from_ + parameters_.longest_route_delay()))
        return;
    for (const auto& settled : sent_.expire(now))
        mux_.lost(settled.number);
}

void Session::ticking(const PaceSchedule& schedule, base::Mono now) {
    const auto pace = schedule.at(now).per_second();
    // A silence that was normal at the lower pace must not be judged by the higher one.
    if (pace > pace_) raised_ = now;
    if (pace > 0 && !ticks_from_) ticks_from_ = now;
    if (pace <= 0) ticks_from_.reset();
    if (pace > 0) sent_.resend_after(parameters_.resend_after(schedule.at(now)));
    pace_ = pace;
    stock_.ticking(pace, raised_);
}

bool Session::stock_confirmed() const {
    return stock_.heard() && stock_.reported() >= parameters_.surb_margin / 2;
}

bool Session::dead(base::Mono now) const {
    if (!ticks_from_) return false;
    return now - std::max({raised_, stock_.last_heard(), resumed_}) > dead_after(pace_);
}

void Session::document_changed(const directory::Parameters& parameters) {
    parameters_ = parameters;
    routes_.document_changed();
}

void Session::resume(base::Mono now) {
    resumed_ = now;
}

std::optional<Session::SentPing> Session::take_sent_ping(std::uint64_t nonce) {
    auto node = pings_.extract(nonce);
    if (!node) return std::nullopt;
    return std::move(node.mapped());
}

}  // namespace nightjar::client::core

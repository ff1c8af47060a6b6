#include "client/core/session.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <utility>

#include "sphinx/base/check.hpp"
#include "sphinx/directory/key_times.hpp"
#include "sphinx/directory/repair_time.hpp"

namespace nightjar::client::core {
namespace {

constexpr std::size_t pings_max = 64;
// Shares of replies that are claimed lost although they came, so that a dropped one is no mark.
// Where nothing but an ACCEPT has to be sent again, the claim costs nothing.
constexpr double claimed_lost_cover = 0.5;
constexpr double claimed_lost_data = 0.01;
// The target of SURBs varies, so that those of a dropped packet are not missed: by up to so many,
// drawn again before one packet in so many.
constexpr std::uint64_t spare_most = 16;
constexpr std::uint64_t spare_packets = 64;
// Replies settled for one packet, at most. After a gap between slots the acks still pass over each
// number slowly enough for their window.
constexpr stream::PacketNumber settle_step = stream::ack_window / 2;
// Replies ahead of the settled ones that are kept. An exit goes on counting for the 130 s for which
// it keeps a silent session, and our own clock may stand still meanwhile, as in a suspend.
stream::PacketNumber ahead_max(const directory::Parameters& parameters) {
    return static_cast<stream::PacketNumber>(140 * parameters.replies.per_second());
}

stream::Schedule on_the_wire(const PaceSchedule& schedule, base::Mono due) {
    if (due >= schedule.change_at)
        return {.sequence = schedule.sequence,
                .pace_milli = schedule.next.milli,
                .first_rank = schedule.next_first_rank};
    return {.sequence = schedule.sequence,
            .pace_milli = schedule.now.milli,
            .change_at = schedule.change_second,
            .next_pace_milli = schedule.next.milli,
            .first_rank = schedule.first_rank,
            .next_first_rank = schedule.next_first_rank};
}

}  // namespace

base::Wall keys_end(const directory::Parameters& parameters, base::Epoch epoch) {
    const auto grace = std::chrono::ceil<base::Seconds>(parameters.key_grace());
    return directory::epoch_start(epoch.next(), parameters.epoch_length) + grace +
           std::chrono::ceil<base::Seconds>(
               directory::KeyTimes::of(parameters.epoch_length).clock_error);
}

Session::Session(SessionHandle handle, base::NodeId exit, const directory::Parameters& parameters,
                 base::Random& random)
    : handle_{handle},
      id_{random.id<base::SessionId>()},
      parameters_{parameters},
      routes_{exit, parameters.fixed_hops},
      mux_{std::make_shared<stream::Mux>(
          stream::Side::client, stream::MuxLimits::for_rate(parameters.main_slots.per_second(),
                                                            directory::repair_time(parameters)))},
      sent_{parameters.answer_after(parameters.replies), parameters.longest_route_delay()},
      draws_{random},
      epoch_switch_{random},
      clock_{parameters.settle_after()} {
    sent_.use_order(random);
}

/// The SURBs that the exit has spent as far as it matters for the target S*: it includes those
/// whose replies are on their way back.
std::uint32_t Session::ticks_known(base::Mono now) const {
    return clock_.ticks_by(now - parameters_.mean_round_trip() / 2);
}

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
        NIGHTJAR_CHECK(surb->surb.size() == stream::surb_size &&
                       (made.size() + 1) * stream::surb_size <= message.size());
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

/// Returns the nonces of the pings among the frames.
std::vector<std::uint64_t> Session::write_frames(stream::PacketNumber number, base::ByteSpan room) {
    std::vector<std::uint64_t> pings;
    if (join_ == Join::asking) {
        stream::Frame frame;
        frame.type = stream::FrameType::join;
        frame.bytes = token_;
        base::Writer writer{room};
        stream::write_frame(writer, frame);  // where SURBs leave no room, a later packet has it
    } else {
        mux_->fill({handle_, number}, room, &pings);
    }
    return pings;
}

stream::JoinToken Session::join_token() const {
    stream::JoinToken token;
    base::Writer writer{token};
    writer.bytes(id_.bytes);
    writer.u32(incarnation_);
    return token;
}

void Session::join(std::shared_ptr<stream::Mux> streams, const stream::JoinToken& token) {
    assert(join_ == Join::own && mux_->unused());
    mux_ = std::move(streams);
    token_ = token;
    join_ = Join::asking;
}

void Session::use(std::shared_ptr<stream::Mux> streams) {
    mux_ = std::move(streams);
    join_ = Join::own;
}

void Session::retire() {
    retired_ = true;
    mux_ = std::make_shared<stream::Mux>(stream::Side::client);
    join_ = Join::own;
}

std::optional<SlotPacket> Session::compose(const PaceSchedule& schedule, base::Mono due,
                                           base::Wall wall, base::Mono leaves,
                                           const SessionContext& context) {
    // After a quick reconnect `due` can lie before slots of the old link, whose packets never left.
    due = newest_slot_ = std::max(due, newest_slot_);
    // The exit changes its pace at the same second of its own clock (relay/core/reply_pace.hpp).
    clock_.beat().follow(schedule.sequence, schedule.now, schedule.change_at, schedule.next, due);
    if (schedule.at(due).milli > 0) sent_.resend_after(parameters_.answer_after(schedule.at(due)));
    settle(due, context.outstanding);
    stock_.pass(sent_.weight_in_flight(), ticks_known(due));
    const auto epoch = epoch_switch_.epoch_for(wall, parameters_.epoch_length);
    const auto route = routes_.forward(context.document, context.gateway, context.random);
    if (!route) return std::nullopt;
    const auto hops = to_hops(context.document, *route, epoch, context.random);
    if (!hops) return std::nullopt;

    base::ByteArray<stream::message_size> message{};
    const base::ByteSpan behind_header = base::ByteSpan{message}.subspan(stream::up_header_size);
    // The first stock is S* exactly, so that it is soon complete.
    if (stock_.newest() != 0 && draws_.below(spare_packets) == 0)
        spare_ = static_cast<std::uint32_t>(draws_.below(spare_most + 1));
    const auto wanted = top_up(estimate(due), target(schedule, due) + spare_);
    auto made = write_surbs(wanted, epoch, due, behind_header, context);
    const auto surbs = static_cast<std::uint32_t>(made.size());
    const auto number = sent_.next(due, surbs);
    const auto pings = write_frames(number, behind_header.subspan(surbs * stream::surb_size));
    note_pings(pings, number, *route, leaves);
    stream::encode({.session = id_,
                    .surb_count = static_cast<std::uint8_t>(surbs),
                    .surb_epoch = epoch.low_byte(),
                    .number = number,
                    .schedule = on_the_wire(schedule, due),
                    .acks = counted_.newest()},
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
    mux_->lost({handle_, number});
    for (auto next = pings_.begin(); next != pings_.end();) {
        const auto ping = next++;
        if (ping->second.number != number) continue;
        mux_->ping(ping->first);
        pings_.erase(ping);
    }
}

bool Session::on_reply(base::ByteView message, const Expected& spent, base::Mono now) {
    const auto header = stream::decode_down(message);
    if (!header) return false;
    const auto frames =
        stream::CheckedFrames::parse(stream::Side::client, stream::frames_of(*header, message));
    if (!frames) return false;
    if (incarnation_ == 0) incarnation_ = header->incarnation;
    if (header->incarnation != incarnation_) forgotten_ = true;
    const auto number = header->number;
    if (forgotten_ || retired_ || number > settled_ + ahead_max(parameters_) ||
        !arrived_.arrived(number))
        return false;
    answered_ = true;
    clock_.arrived(number, now);
    if (number > settled_) {
        const auto* joined = frames->find(stream::FrameType::joined);
        const auto may_join = joined ? std::optional{joined->value == 1} : std::nullopt;
        unsettled_.emplace(number, Report{header->acks, header->stock, may_join});
        mux_->receive(*frames, {handle_, number}, true);
    } else {
        // It comes too late: we have said that it is lost, and the exit sends all of it again.
        const auto newest = unsettled_.empty() ? settled_ + 1 : unsettled_.rbegin()->first;
        mux_->receive(*frames, {handle_, newest}, false);
    }
    if (!spent_before_) {
        // The exit spends SURBs first in, first out. A SURB made a longest route delay before this
        // one reached the exit earlier, so it was spent earlier. Its reply arrives within another
        // longest route delay, or never.
        const auto longest = parameters_.longest_route_delay();
        spent_before_ = SpentBefore{spent.made - longest, now + longest};
    }
    return true;
}

void Session::settle_reply(stream::PacketNumber number) {
    const auto report = unsettled_.extract(number);
    const bool brings = mux_->holds_back({handle_, number});
    const bool claim = draws_.unit() < (brings ? claimed_lost_data : claimed_lost_cover);
    const bool came = !report.empty() && !retired_;
    mux_->settle({handle_, number}, came && !claim);
    if (!came) return;
    if (!claim) counted_.arrived(number);
    // The rest counts in any case. A claim depends on what the reply brought, so SURBs that
    // followed from claims would show on every link that applications receive data.
    const auto& may_join = report.mapped().may_join;
    if (may_join && join_ == Join::asking) join_ = *may_join ? Join::joined : Join::refused;
    for (const auto& arrived : sent_.on_acks(report.mapped().acks))
        mux_->acknowledged({handle_, arrived.number});
    stock_.settled(number, report.mapped().stock);
}

void Session::settle(base::Mono now, Outstanding& outstanding) {
    if (spent_before_ && now >= spent_before_->after) {
        outstanding.forget_before(handle_, spent_before_->made);
        spent_before_.reset();
    }
    for (const auto upto = clock_.settled_by(now), most = settled_ + settle_step;
         settled_ < upto && settled_ < most;)
        settle_reply(++settled_);
    // Only a reply can show that a packet did not arrive before it. (Without one, sent_at(0) is
    // when the first packet was made, so nothing would be lost either.)
    if (stock_.newest() == 0) return;
    for (const auto& lost : sent_.expire(clock_.sent_at(stock_.newest())))
        mux_->lost({handle_, lost.number});
}

bool Session::stock_confirmed() const {
    return stock_.newest() != 0 && stock_.reported() >= parameters_.surb_margin / 2;
}

void Session::document_changed(const directory::Parameters& parameters) {
    parameters_ = parameters;
    routes_.document_changed();
}

std::optional<Session::SentPing> Session::take_sent_ping(std::uint64_t nonce) {
    auto node = pings_.extract(nonce);
    if (!node) return std::nullopt;
    return std::move(node.mapped());
}

}  // namespace nightjar::client::core

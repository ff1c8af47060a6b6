#include "relay/core/exit_session.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

#include "relay/core/limits.hpp"
#include "sphinx/base/codec.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::relay::core {
namespace {

// A client takes a session for dead after 8 s, and has another one in its place 20 s later.
constexpr base::Seconds successor_silence{8};

}  // namespace

std::optional<base::NodeId> ReplySealer::seal(base::ByteView surb, base::ByteView message,
                                              base::ByteSpan packet) {
    const auto first_hop = packet::use_surb(surb, message, packet);
    if (!first_hop) return std::nullopt;
    return *first_hop;
}

ExitSession::ExitSession(const base::SessionId& id, std::uint32_t incarnation,
                         const directory::Parameters& parameters, const stream::MuxLimits& limits)
    : id_{id},
      incarnation_{incarnation},
      streams_{std::make_shared<ExitStreams>(id, limits)},
      carrier_{++streams_->last_carrier},
      sent_{2 * parameters.longest_route_delay()} {
    streams_->carriers.push_back(this);
    sent_.losses_are_told();
}

stream::JoinToken ExitSession::join_token() const {
    stream::JoinToken token;
    base::Writer writer{token};
    writer.bytes(id_.bytes);
    writer.u32(incarnation_);
    return token;
}

/// A session that its client has given up has no pace, or is not heard from. The client then opens
/// another one in its place.
bool ExitSession::has_successor(base::Mono now) const {
    return std::any_of(
        streams_->carriers.begin(), streams_->carriers.end(), [&](const auto* other) {
            return other->carrier_ == successor_ && other->due() != base::Mono::max() &&
                   now - other->heard() < successor_silence;
        });
}

void ExitSession::on_join(const stream::JoinToken& token, ExitSession* named, base::Mono now) {
    if (join_asked_) {
        may_join_ = join_granted_ && token == *join_asked_;
        return;
    }
    // If other sessions carry this one's streams, the table would lose the streams' name while they
    // are in use.
    const bool alone = streams_->carriers.size() == 1;
    join_asked_ = token;
    join_granted_ = named != nullptr && named != this && named->join_token() == token && alone &&
                    named->streams_ != streams_ && !named->has_successor(now) &&
                    streams_->mux.unused() && named->streams_->carriers.size() < carriers_max;
    may_join_ = join_granted_;
    if (!join_granted_) return;
    std::erase(streams_->carriers, this);
    streams_ = named->streams_;
    carrier_ = named->successor_ = ++streams_->last_carrier;
    streams_->carriers.push_back(this);
}

void ExitSession::receive(const stream::UpHeader& header, base::ByteView message,
                          const stream::CheckedFrames& frames, base::Mono now,
                          const ExitContext& context) {
    if (!arrived_.arrived(header.number)) return;
    heard_ = now;
    pace_.follow(header.schedule, context.parameters.replies, now, context.beat);
    in_force_ = pace_.in_force(now);
    const auto pace = pace_.highest();
    if (pace.milli > 0) sent_.resend_after(context.parameters.resend_after(pace));
    if (header.surb_count > 0) store_surbs(header, message, context);
    for (const auto& settled : sent_.on_acks(header.acks)) {
        if (settled.arrived)
            streams_->mux.acknowledged({carrier_, settled.number});
        else
            streams_->mux.lost({carrier_, settled.number});
    }
    streams_->mux.receive(frames);
}

void ExitSession::store_surbs(const stream::UpHeader& header, base::ByteView message,
                              const ExitContext& context) {
    const auto capacity = SurbStock::capacity_for(context.parameters, context.surbs_max);
    for (std::size_t i = 0; i < header.surb_count; ++i)
        surbs_.push(stream::surb_of(header, message, i), header.surb_epoch, capacity);
}

std::optional<ExitSession::Reply> ExitSession::tick(base::Mono now, base::Wall wall,
                                                    const ExitContext& context) {
    assert(due() != base::Mono::max());
    // A session that has no ticks any more may hold bytes that others must send again.
    for (auto* carrier : streams_->carriers)
        carrier->expire(now);
    const bool late = now - due() > lateness_max;
    const auto surb = late ? std::nullopt : surbs_.pop_usable(context.parameters, wall);
    std::optional<Reply> reply;
    if (surb)
        reply = answer(*surb, now, context);
    else
        // Every tick has a number, so that the client knows from its clock which one it must be.
        sent_.leave_out(now);
    if (reply)
        answered_ = now;
    else if (answered_ && now - *answered_ > answered_for)
        answered_.reset();
    pace_.ticked(context.beat);
    in_force_ = pace_.in_force(now);
    return reply;
}

void ExitSession::expire(base::Mono now) {
    for (const auto& settled : sent_.expire(now))
        streams_->mux.lost({carrier_, settled.number});
}

std::size_t ExitSession::write_joined(base::ByteSpan room) {
    if (!may_join_) return 0;
    stream::Frame frame;
    frame.type = stream::FrameType::joined;
    frame.value = *std::exchange(may_join_, std::nullopt) ? 1 : 0;
    base::Writer writer{room};
    stream::write_frame(writer, frame);
    return writer.written();
}

std::optional<ExitSession::Reply> ExitSession::answer(const StoredSurb& surb, base::Mono now,
                                                      const ExitContext& context) {
    stream::DownHeader header;
    header.number = sent_.next(now, 0);
    header.incarnation = incarnation_;
    header.stock = static_cast<std::uint16_t>(surbs_.size());
    header.acks = arrived_.next_acks();
    base::Secret<stream::message_size> message;
    stream::encode(header, message.span());
    const auto room = message.span().subspan(stream::down_header_size);
    streams_->mux.fill({carrier_, header.number}, room.subspan(write_joined(room)));
    auto cell = cell::Cell::boxed_packet(surb.epoch);
    const auto first_hop = context.sealer.seal(surb.bytes.view(), message.view(), cell->body());
    if (!first_hop) return std::nullopt;
    return Reply{*first_hop, std::move(cell)};
}

void ExitSession::restart(base::Mono now, const ExitContext& context) {
    pace_.restart(now, context.beat);
}

void ExitSession::end(stream::ResetReason reason, std::vector<ExitEvent>& out) {
    streams_->mux.carrier_ended(carrier_);
    std::erase(streams_->carriers, this);
    if (!streams_->carriers.empty()) return;
    streams_->mux.reset_all(reason);
    take_events(out);
}

void ExitSession::take_events(std::vector<ExitEvent>& out) {
    for (auto& event : streams_->mux.take_events())
        out.push_back({streams_->name, std::move(event)});
}

}  // namespace nightjar::relay::core

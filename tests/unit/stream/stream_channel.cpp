#include "tests/unit/stream/stream_channel.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/arriving_frames.hpp"

namespace nightjar::test {

base::Nanoseconds mix_delay(base::Random& random, int hops, base::Nanoseconds mean) {
    base::Nanoseconds sum{};
    for (int hop = 0; hop < hops; ++hop)
        sum += random.exponential_capped(mean, 10 * mean);
    return sum;
}

StreamChannel::StreamChannel(ChannelLaw law, base::Random& random)
    : client{stream::Side::client, law.limits},
      exit{stream::Side::exit, law.limits},
      law_{std::move(law)},
      random_{random},
      client_end_{{}, slot_after(now_, law_.ups_per_second)},
      exit_end_{{}, slot_after(now_, law_.downs_per_second)} {
    add_carrier();
}

void StreamChannel::add_carrier() {
    ++carriers_;
    for (auto* end : {&client_end_, &exit_end_})
        end->sessions.push_back({carriers_, stream::SentLog{law_.resend_after}, {}});
}

void StreamChannel::end_carrier(stream::Side at) {
    auto& end = at == stream::Side::client ? client_end_ : exit_end_;
    auto& mux = at == stream::Side::client ? client : exit;
    mux.carrier_ended(end.sessions.front().carrier);
    end.sessions.pop_front();
}

/// The session of the next packet. What is lost is noticed in all of them.
StreamChannel::Logs& StreamChannel::next_session(End& end, stream::Mux& mux, Counts& counts) {
    for (auto& session : end.sessions) {
        for (const auto& settled : session.sent.expire(now_)) {
            ++counts.given_up;
            mux.lost({session.carrier, settled.number});
        }
    }
    const auto sessions = end.sessions.size();
    return end.sessions[sessions == 1 ? 0 : random_.below(sessions)];
}

base::Mono StreamChannel::slot_after(base::Mono when, double rate) {
    return when + random_.exponential(base::from_seconds(1 / rate));
}

void StreamChannel::transmit(bool to_exit, std::uint32_t carrier, Counts& counts,
                             const base::Bytes& message) {
    ++counts.sent;
    if (random_.unit() < law_.loss) {
        ++counts.dropped;
        return;
    }
    const auto& delay = to_exit ? law_.up_delay : law_.down_delay;
    under_way_.push({now_ + delay(random_), to_exit, carrier, message});
    if (random_.unit() < law_.duplicates)
        under_way_.push({now_ + delay(random_), to_exit, carrier, message});
}

void StreamChannel::send_up() {
    auto& session = next_session(client_end_, client, up);
    stream::UpHeader header;
    header.session.bytes.fill(1);
    header.number = session.sent.next(now_, 0);
    header.surb_count = law_.surbs && header.number % 3 == 0 ? 4 + header.number % 2 : 0;
    header.acks = session.arrived.next_acks();
    base::Bytes message(stream::message_size);
    encode(header, message);
    const auto offset = stream::message_size - stream::up_room(header.surb_count);
    client.fill({session.carrier, header.number}, base::ByteSpan{message}.subspan(offset));
    transmit(true, session.carrier, up, message);
    client_end_.next_slot = slot_after(client_end_.next_slot, law_.ups_per_second);
}

void StreamChannel::send_down() {
    auto& session = next_session(exit_end_, exit, down);
    stream::DownHeader header;
    header.number = session.sent.next(now_, 0);
    header.incarnation = 1;
    header.acks = session.arrived.next_acks();
    base::Bytes message(stream::message_size);
    encode(header, message);
    exit.fill({session.carrier, header.number},
              base::ByteSpan{message}.subspan(stream::down_header_size));
    transmit(false, session.carrier, down, message);
    exit_end_.next_slot = slot_after(exit_end_.next_slot, law_.downs_per_second);
}

void StreamChannel::arrive(const Arrival& arrival) {
    auto& end = arrival.at_exit ? exit_end_ : client_end_;
    auto& mux = arrival.at_exit ? exit : client;
    stream::PacketNumber number = 0;
    stream::Acks acks;
    base::ByteView frames;
    if (arrival.at_exit) {
        const auto header = stream::decode_up(arrival.message);
        REQUIRE(header.has_value());
        number = header->number;
        acks = header->acks;
        frames = stream::frames_of(*header, arrival.message);
    } else {
        const auto header = stream::decode_down(arrival.message);
        REQUIRE(header.has_value());
        number = header->number;
        acks = header->acks;
        frames = stream::frames_of(*header, arrival.message);
    }
    const auto session =
        std::find_if(end.sessions.begin(), end.sessions.end(),
                     [&](const Logs& logs) { return logs.carrier == arrival.carrier; });
    if (session == end.sessions.end() || !session->arrived.arrived(number)) return;
    for (const auto& settled : session->sent.on_acks(acks))
        mux.acknowledged({arrival.carrier, settled.number});
    REQUIRE(test::arrive(arrival.at_exit ? stream::Side::exit : stream::Side::client, mux, frames));
}

void StreamChannel::run_until(base::Mono end, const std::function<void()>& after_arrival) {
    for (;;) {
        auto next = std::min(client_end_.next_slot, exit_end_.next_slot);
        if (!under_way_.empty()) next = std::min(next, under_way_.top().when);
        if (next > end) break;
        now_ = next;
        if (now_ == client_end_.next_slot) {
            send_up();
        } else if (now_ == exit_end_.next_slot) {
            send_down();
        } else {
            const auto arrival = under_way_.top();
            under_way_.pop();
            arrive(arrival);
            after_arrival();
        }
    }
    now_ = end;
}

}  // namespace nightjar::test

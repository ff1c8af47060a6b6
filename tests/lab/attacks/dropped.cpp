#include "tests/lab/attacks/dropped.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "sphinx/stream/header.hpp"
#include "tests/lab/world/law_world.hpp"

namespace nightjar::lab::attacks {
namespace {

using stream::PacketNumber;

constexpr double warm_up_s = 60;
// The law's world begins 300 s into an hour: the first handover is at 3,300 s. Until the next one
// the old session lingers beside the main one.
constexpr double handed_over_s = 3400;
constexpr PacketNumber block = 64;  // numbers are shuffled within such blocks, or not at all

struct Seen {
    double at;
    PacketNumber number;
    unsigned surbs;
};

std::vector<Seen>::const_iterator from(const std::vector<Seen>& seen, double at) {
    return std::lower_bound(seen.begin(), seen.end(), at,
                            [](const Seen& one, double time) { return one.at < time; });
}

/// How many packets, or SURBs, have come by a time beyond a constant rate.
class Beyond {
 public:
    Beyond() = default;
    Beyond(const std::vector<Seen>& seen, double rate, bool surbs)
        : begin_{seen[0].at}, rate_{rate} {
        double upto = begin_;
        double sum = 0;
        double come = 0;
        for (const auto& one : seen) {
            sum += come * (one.at - upto);
            come += surbs ? one.surbs : 1;
            upto = one.at;
            points_.push_back({one.at, sum, come});
        }
    }
    /// The mean over this time.
    double mean(double first, double last) const {
        return (integral(last) - integral(first)) / (last - first) -
               rate_ * ((first + last) / 2 - begin_);
    }

 private:
    struct Point {
        double at;
        double sum;   // the integral of what has come, up to this time
        double come;  // from this time on
    };
    double integral(double at) const {
        const auto next = std::upper_bound(points_.begin(), points_.end(), at,
                                           [](double time, const Point& p) { return time < p.at; });
        const auto& before = *std::prev(next);
        return before.sum + before.come * (at - before.at);
    }
    double begin_ = 0;
    double rate_ = 0;
    std::vector<Point> points_;
};

/// What the bad exit knows of one session, from the start of the attack on.
struct SessionSeen {
    std::vector<Seen> packets;  // in the order of arrival
    std::vector<Seen> replies;  // in the order of sending
    std::set<PacketNumber> acknowledged;
    std::map<PacketNumber, std::set<PacketNumber>> blocks;

    /// The numbers without a packet in each block, weighted by the block's share of what arrives
    /// around `at`.
    double holes(double at) const {
        double sum = 0;
        double count = 0;
        for (auto seen = from(packets, at - 0.25); seen != packets.end() && seen->at < at + 0.25;
             ++seen, ++count)
            sum += block - static_cast<double>(blocks.at((seen->number - 1) / block).size());
        return count > 0 ? sum / count : 0;
    }
    double unacknowledged(double at, unsigned dropped) const {
        // They are sent up to 0.6 s before the link carries them, and the link carries one cell in
        // each gap of D.
        const auto upto = at + base::to_seconds(directory::Parameters{}.down.mean_gap()) * dropped;
        double count = 0;
        for (auto seen = from(replies, at - 0.6); seen != replies.end() && seen->at < upto; ++seen)
            if (!acknowledged.contains(seen->number)) ++count;
        return count;
    }
};

/// What the bad exit has: one session, or two of one client.
class SeatView {
 public:
    SeatView(std::vector<SessionSeen> sessions, const DropOptions& options)
        : sessions_{std::move(sessions)}, options_{options} {
        std::vector<Seen> packets;
        for (const auto& session : sessions_)
            packets.insert(packets.end(), session.packets.begin(), session.packets.end());
        std::stable_sort(packets.begin(), packets.end(),
                         [](const Seen& a, const Seen& b) { return a.at < b.at; });
        double surbs = 0;
        for (const auto& packet : packets)
            surbs += packet.surbs;
        const auto length = packets.back().at - packets[0].at;
        packets_beyond_ = Beyond{packets, static_cast<double>(packets.size()) / length, false};
        surbs_beyond_ = Beyond{packets, surbs / length, true};
    }

    std::vector<double> features(double at) const {
        // When a packet of this slot arrives, on average.
        const double come = at + 5 * base::to_seconds(directory::Parameters{}.mean_delay);
        const bool up = options_.way == Way::up;
        const auto& packets = packets_beyond_;
        const auto& surbs = surbs_beyond_;
        double missing = 0;
        for (const auto& session : sessions_)
            missing += up ? session.holes(come) : session.unacknowledged(at, options_.dropped);
        std::vector<double> features{missing};
        for (const auto span : step_spans_s)
            features.push_back(packets.mean(at - span, at + 0.1) -
                               packets.mean(come + 0.25, come + 0.35 + span));
        features.push_back((surbs.mean(at - 3, at - 0.2) + surbs.mean(at + 4.5, at + 7)) / 2 -
                           surbs.mean(at + 0.5, at + 3.2));
        return features;
    }

 private:
    std::vector<SessionSeen> sessions_;
    DropOptions options_;
    Beyond packets_beyond_;
    Beyond surbs_beyond_;
};

/// One client, and what a bad exit that has its sessions reads.
class DroppedClient {
 public:
    explicit DroppedClient(const DropOptions& options)
        : options_{options}, world_{law_options(options)}, begun_{world_.now()} {
        world_.meddle = [this](bool up, base::Mono) -> std::optional<base::Nanoseconds> {
            if (up != (options_.way == Way::up) || left_ == 0) return base::Nanoseconds{};
            --left_;
            return std::nullopt;
        };
        world_.exit_reads = [this](base::Mono, base::ByteView message) { read(message); };
        world_.exit_answers = [this](base::Mono, base::ByteView message) {
            if (const auto header = stream::decode_down(message))
                answered_[header->incarnation].push_back({now(), header->number, 0});
        };
    }

    double now() const { return base::to_seconds(world_.now() - begun_); }
    void run_to(double at) { world_.run_for(base::from_seconds(at - now())); }
    void drop() { left_ = options_.dropped; }
    const client::core::Core& core() { return world_.core(); }
    base::Mono clock() const { return world_.now(); }

    /// Call it when the run is over: what the exit has seen from `start` on.
    SeatView seen_by(Seat seat, double start) const {
        std::vector<SessionSeen> sessions;
        if (seat != Seat::lingering) sessions.push_back(session(0, start));
        if (seat == Seat::lingering || seat == Seat::both) sessions.push_back(session(1, start));
        return {std::move(sessions), options_};
    }

 private:
    static world::LawOptions law_options(const DropOptions& options) {
        world::LawOptions law;
        law.seed = law.client_seed = options.seed;
        law.loss = options.loss;
        return law;
    }
    static std::vector<Seen> after(const std::vector<Seen>& seen, double start) {
        return {from(seen, start), seen.end()};
    }
    /// The session with most packets (place 0), or with the second most.
    template <class Key>
    static Key at_place(std::size_t place, const std::map<Key, std::vector<Seen>>& sessions,
                        double start) {
        std::vector<std::pair<std::ptrdiff_t, Key>> sizes;
        for (const auto& [key, seen] : sessions)
            sizes.emplace_back(seen.end() - from(seen, start), key);
        std::sort(sizes.rbegin(), sizes.rend());
        return sizes.at(place).second;
    }
    SessionSeen session(std::size_t place, double start) const {
        const auto key = at_place(place, read_, start);
        SessionSeen seen{.packets = after(read_.at(key), start),
                         .replies = after(answered_.at(at_place(place, answered_, start)), start),
                         .acknowledged = acks_.at(key),
                         .blocks = {}};
        for (const auto& packet : seen.packets)
            seen.blocks[(packet.number - 1) / block].insert(packet.number);
        return seen;
    }
    void read(base::ByteView message) {
        const auto header = stream::decode_up(message);
        if (!header) return;
        read_[header->session].push_back({now(), header->number, header->surb_count});
        const auto& acks = header->acks;
        if (acks.largest == 0) return;
        auto& acknowledged = acks_[header->session];
        acknowledged.insert(acks.largest);
        for (std::size_t i = 0; i < stream::ack_window && i + 1 < acks.largest; ++i)
            if (acks.below[i]) acknowledged.insert(acks.largest - 1 - PacketNumber(i));
    }

    DropOptions options_;
    world::LawWorld world_;
    base::Mono begun_;
    unsigned left_ = 0;
    std::map<base::SessionId, std::vector<Seen>> read_;
    std::map<base::SessionId, std::set<PacketNumber>> acks_;
    std::map<std::uint32_t, std::vector<Seen>> answered_;  // by incarnation
};

}  // namespace

std::vector<std::vector<measure::Observation>> drop_observations(const DropOptions& options,
                                                                 std::span<const Seat> seats) {
    DroppedClient client{options};
    std::vector<std::pair<double, bool>> moments;
    base::SeededRandom random{options.seed};
    const auto start = seats.front() == Seat::alone ? warm_up_s : handed_over_s;
    client.run_to(start);
    for (double at = start + 10; at + drop_every_s < start + options.seconds; at += drop_every_s) {
        client.run_to(at + random.unit());
        moments.emplace_back(client.now(), moments.size() % 2 == 1);
        if (moments.back().second) client.drop();
    }
    client.run_to(start + options.seconds + 10);
    std::vector<std::vector<measure::Observation>> by_seat;
    for (const auto seat : seats) {
        const auto view = client.seen_by(seat, start);
        auto& observations = by_seat.emplace_back();
        for (const auto& [at, attacked] : moments)
            observations.push_back({options.seed, attacked, view.features(at)});
    }
    return by_seat;
}

std::optional<double> noticed_after(const DropOptions& options) {
    DroppedClient client{options};
    client.run_to(warm_up_s);
    client.drop();
    for (double after = 0.5; after <= 60; after += 0.5) {
        client.run_to(warm_up_s + after);
        const auto kind = client.core().status(client.clock()).loops.kind;
        if (kind != client::core::LoopState::Kind::returning) return after;
    }
    return std::nullopt;
}

}  // namespace nightjar::lab::attacks

#include "tests/lab/attacks/dropped.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

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

/// One client, and what a bad exit that has one of its sessions reads.
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
    void count(double start) {
        const auto session = seat_of(read_, start);
        packets_ = after(read_.at(session), start);
        replies_ = after(answered_.at(seat_of(answered_, start)), start);
        acknowledged_ = acks_.at(session);
        double surbs = 0;
        for (const auto& packet : packets_) {
            blocks_[(packet.number - 1) / block].insert(packet.number);
            surbs += packet.surbs;
        }
        const auto length = packets_.back().at - packets_[0].at;
        packets_beyond_ = Beyond{packets_, static_cast<double>(packets_.size()) / length, false};
        surbs_beyond_ = Beyond{packets_, surbs / length, true};
    }

    /// Call count() first.
    std::vector<double> features(double at) const {
        // When a packet of this slot arrives, on average.
        const double come = at + 5 * base::to_seconds(directory::Parameters{}.mean_delay);
        const bool up = options_.way == Way::up;
        const auto& packets = packets_beyond_;
        const auto& surbs = surbs_beyond_;
        std::vector<double> features{up ? holes(come) : unacknowledged(at)};
        for (const auto span : step_spans_s)
            features.push_back(packets.mean(at - span, at + 0.1) -
                               packets.mean(come + 0.25, come + 0.35 + span));
        features.push_back((surbs.mean(at - 3, at - 0.2) + surbs.mean(at + 4.5, at + 7)) / 2 -
                           surbs.mean(at + 0.5, at + 3.2));
        return features;
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
    /// The session with most packets, or with the second most.
    template <class Key>
    Key seat_of(const std::map<Key, std::vector<Seen>>& sessions, double start) const {
        std::vector<std::pair<std::ptrdiff_t, Key>> sizes;
        for (const auto& [key, seen] : sessions)
            sizes.emplace_back(seen.end() - from(seen, start), key);
        std::sort(sizes.rbegin(), sizes.rend());
        return sizes.at(options_.seat == Seat::lingering ? 1 : 0).second;
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
    /// The numbers without a packet in each block, weighted by the block's share of what arrives
    /// around `at`.
    double holes(double at) const {
        double sum = 0;
        double count = 0;
        for (auto seen = from(packets_, at - 0.25); seen != packets_.end() && seen->at < at + 0.25;
             ++seen, ++count)
            sum += block - static_cast<double>(blocks_.at((seen->number - 1) / block).size());
        return count > 0 ? sum / count : 0;
    }
    double unacknowledged(double at) const {
        // They are sent up to 0.6 s before the link carries them, and the link carries one cell in
        // each gap of D.
        const auto upto =
            at + base::to_seconds(directory::Parameters{}.down.mean_gap()) * options_.dropped;
        double count = 0;
        for (auto seen = from(replies_, at - 0.6); seen != replies_.end() && seen->at < upto;
             ++seen)
            if (!acknowledged_.contains(seen->number)) ++count;
        return count;
    }

    DropOptions options_;
    world::LawWorld world_;
    base::Mono begun_;
    unsigned left_ = 0;
    std::map<base::SessionId, std::vector<Seen>> read_;
    std::map<base::SessionId, std::set<PacketNumber>> acks_;
    std::map<std::uint32_t, std::vector<Seen>> answered_;  // by incarnation
    // Of the exit's session:
    std::vector<Seen> packets_;  // in the order of arrival
    std::vector<Seen> replies_;  // in the order of sending
    std::set<PacketNumber> acknowledged_;
    std::map<PacketNumber, std::set<PacketNumber>> blocks_;
    Beyond packets_beyond_;
    Beyond surbs_beyond_;
};

}  // namespace

std::vector<measure::Observation> drop_observations(const DropOptions& options) {
    DroppedClient client{options};
    std::vector<std::pair<double, bool>> moments;
    base::SeededRandom random{options.seed};
    const auto start = options.seat == Seat::alone ? warm_up_s : handed_over_s;
    client.run_to(start);
    for (double at = start + 10; at + drop_every_s < start + options.seconds; at += drop_every_s) {
        client.run_to(at + random.unit());
        moments.emplace_back(client.now(), moments.size() % 2 == 1);
        if (moments.back().second) client.drop();
    }
    client.run_to(start + options.seconds + 10);
    client.count(start);
    std::vector<measure::Observation> observations;
    for (const auto& [at, attacked] : moments)
        observations.push_back({options.seed, attacked, client.features(at)});
    return observations;
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

#include "tests/lab/attacks/header_twins.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "sphinx/stream/header.hpp"
#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab::attacks {
namespace {

/// Each client's packets of each session, in the order of sending.
using Plaintexts = std::map<std::pair<unsigned, base::SessionId>, std::vector<base::Bytes>>;

/// Holds deliveries to each client back, and hands them on in another order.
class Shuffler {
 public:
    Shuffler(std::uint64_t seed, std::size_t relays) : random_{seed}, relays_{relays} {}

    void operator()(lab::world::OnWire& cell) {
        if (cell.to_number < relays_ || cell.cell.kind() != cell::Kind::packet) return;
        auto& held = held_[cell.to_number];
        held.push_back({cell.sent, std::make_unique<cell::Cell>(cell.cell)});
        if (held.size() <= most) {
            cell.copies = 0;
            return;
        }
        const auto late = cell.sent - held.front().since > base::Milliseconds{1800};
        const auto next =
            held.begin() + static_cast<std::ptrdiff_t>(late ? 0 : random_.below(most));
        cell.cell = *next->cell;
        held.erase(next);
    }

 private:
    static constexpr std::size_t most = 40;  // cells: 0.8 s on average
    struct Held {
        base::Mono since;
        std::unique_ptr<cell::Cell> cell;
    };
    base::SeededRandom random_;
    std::size_t relays_;
    std::map<std::size_t, std::deque<Held>> held_;
};

Plaintexts run(Differs differs, std::uint64_t seed, unsigned clients, double seconds) {
    CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = clients;
    crowd.busy_share = 0;
    crowd.seconds = seconds;
    crowd.network.gateways = 4;
    crowd.network.parameters = {};
    crowd.network.other_moments = differs == Differs::moments;
    Plaintexts plaintexts;
    crowd.on_sent = [&](const Plaintext& packet) {
        const auto header = stream::decode_up(packet.message);
        if (header)
            plaintexts[{packet.client, header->session}].emplace_back(packet.message.begin(),
                                                                      packet.message.end());
    };
    const auto relays =
        std::size_t{crowd.network.layers} * crowd.network.mixes_per_layer + crowd.network.gateways;
    Shuffler shuffle{seed, relays};
    if (differs == Differs::deliveries) crowd.tamper = std::ref(shuffle);
    Crowd network{crowd};
    network.run();
    return plaintexts;
}

void compare(const base::Bytes& one, const base::Bytes& other, TwinCount& count) {
    ++count.packets;
    if (one == other) return;
    ++count.differ;
    const auto a = *stream::decode_up(one), b = *stream::decode_up(other);
    count.number += a.number != b.number;
    count.schedule += a.schedule != b.schedule;
    count.acks += a.acks != b.acks;
    count.surb_count += a.surb_count != b.surb_count;
    count.epoch += a.surb_epoch != b.surb_epoch;
    const auto frames_a = stream::frames_of(a, one), frames_b = stream::frames_of(b, other);
    count.frames += !std::equal(frames_a.begin(), frames_a.end(), frames_b.begin(), frames_b.end());
    for (std::size_t i = 0; i < std::min(a.surb_count, b.surb_count); ++i) {
        const auto surb_a = stream::surb_of(a, one, i), surb_b = stream::surb_of(b, other, i);
        if (std::equal(surb_a.begin(), surb_a.end(), surb_b.begin())) continue;
        ++count.surbs;
        break;
    }
}

}  // namespace

TwinCount compare_twins(Differs differs, std::uint64_t seed, unsigned clients, double seconds) {
    const auto plain = run(Differs::nothing, seed, clients, seconds);
    const auto twin = run(differs, seed, clients, seconds);
    TwinCount count;
    for (const auto& [session, packets] : plain) {
        const auto found = twin.find(session);
        const auto there = found == twin.end() ? 0 : found->second.size();
        const auto both = std::min(packets.size(), there);
        for (std::size_t i = 0; i < both; ++i)
            compare(packets[i], found->second[i], count);
        // Only the end of the run may cut off a packet or two.
        if (packets.size() - both > 2) {
            count.packets += packets.size() - both;
            count.differ += packets.size() - both;
        }
    }
    return count;
}

}  // namespace nightjar::lab::attacks

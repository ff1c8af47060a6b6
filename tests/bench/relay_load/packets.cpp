#include "tests/bench/relay_load/packets.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "sphinx/crypto/x25519_batch.hpp"
#include "sphinx/packet/draft.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::bench {

namespace {

constexpr std::size_t batch = 64;  // fills the vector lanes

/// One batch: its jobs refer to the routes and the randomness.
struct Drafts {
    std::vector<std::vector<packet::Hop>> routes;
    std::vector<packet::HeaderRandomness> randomness;
    std::vector<base::Destination> destinations;
    std::vector<base::SurbId> identifiers;
    std::vector<packet::DraftJob> jobs;

    void add(std::vector<packet::Hop> route, const base::Destination& destination,
             const base::SurbId& identifier, base::Random& random) {
        routes.push_back(std::move(route));
        randomness.push_back(packet::HeaderRandomness::draw(random));
        destinations.push_back(destination);
        identifiers.push_back(identifier);
    }
    void draft() {
        for (std::size_t i = 0; i < routes.size(); ++i)
            jobs.push_back({packet::Version::v260, routes[i], destinations[i], identifiers[i],
                            &randomness[i]});
        packet::draft_batch(jobs);
        for (const auto& job : jobs)
            if (!job.outcome) throw std::runtime_error{"a packet cannot be built"};
    }
    /// Drafts and seals; returns the packets. `messages`: one for each, or none at all.
    std::vector<base::Bytes> seal(const std::vector<base::Bytes>& messages = {}) {
        draft();
        std::vector<packet::SealJob> seals(jobs.size());
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            seals[i].draft = &*jobs[i].outcome;
            if (!messages.empty()) seals[i].message = messages[i];
        }
        packet::seal_batch(seals, packet::payload_size);
        std::vector<base::Bytes> packets;
        for (auto& seal : seals)
            packets.push_back(std::move(*seal.outcome));
        return packets;
    }
};

/// The group elements that the relay will pass on: alpha' = X25519(b, alpha).
std::vector<Mark> blinded(const std::vector<packet::DraftJob>& jobs) {
    std::vector<base::ByteArray<32>> products(jobs.size());
    std::vector<crypto::Multiplication> work;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto& keys = jobs[i].outcome->keys;
        work.push_back(
            {keys.of_hop[0].blinding.data(), keys.alpha.bytes.data(), products[i].data()});
    }
    crypto::multiply(work);
    std::vector<Mark> marks(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i)
        std::copy_n(products[i].begin(), marks[i].size(), marks[i].begin());
    return marks;
}

Prepared prepared(const base::Bytes& packet, base::Epoch epoch) {
    Prepared one;
    one.cell = std::make_unique<cell::Cell>(cell::Cell::packet(packet, epoch.low_byte()));
    return one;
}

}  // namespace

std::vector<Prepared> forward_packets(const PacketPlan& plan, const std::vector<Target>& targets,
                                      base::Random& random) {
    std::vector<Prepared> all;
    all.reserve(targets.size());
    for (std::size_t from = 0; from < targets.size(); from += batch) {
        Drafts drafts;
        for (std::size_t i = from; i < std::min(from + batch, targets.size()); ++i) {
            auto first = plan.relay;
            first.delay_ns = static_cast<std::uint64_t>(
                random.exponential_capped(plan.mean_delay, plan.delay_cap).count());
            drafts.add({first, packet::Hop{targets[i].next, plan.behind, 0}}, {}, {}, random);
        }
        const auto packets = drafts.seal();
        const auto marks = blinded(drafts.jobs);
        for (std::size_t i = 0; i < packets.size(); ++i) {
            all.push_back(prepared(packets[i], plan.epoch));
            all.back().mark = marks[i];
            all.back().delay =
                base::Nanoseconds{static_cast<std::int64_t>(drafts.routes[i].front().delay_ns)};
        }
    }
    return all;
}

std::vector<Prepared> deliveries(const PacketPlan& plan, const std::vector<Target>& targets,
                                 base::Random& random) {
    std::vector<Prepared> all;
    all.reserve(targets.size());
    for (std::size_t from = 0; from < targets.size(); from += batch) {
        Drafts drafts;
        for (std::size_t i = from; i < std::min(from + batch, targets.size()); ++i)
            drafts.add({plan.relay}, targets[i].mailbox, random.id<base::SurbId>(), random);
        const auto packets = drafts.seal();
        for (std::size_t i = 0; i < packets.size(); ++i) {
            all.push_back(prepared(packets[i], plan.epoch));
            all.back().mark = drafts.identifiers[i].bytes;
        }
    }
    return all;
}

std::vector<Prepared> packets_of_session(const PacketPlan& plan,
                                         const std::vector<base::NodeId>& first_hops,
                                         std::uint32_t pace_milli, base::Random& random,
                                         std::vector<Mark>& replies) {
    Drafts surbs;
    for (const auto& first_hop : first_hops)
        surbs.add({packet::Hop{first_hop, plan.behind, 0}}, random.id<base::Destination>(),
                  random.id<base::SurbId>(), random);
    surbs.draft();
    stream::UpHeader header;
    header.session = random.id<base::SessionId>();
    header.surb_count = stream::surbs_max;
    header.surb_epoch = plan.epoch.low_byte();
    header.schedule.sequence = 1;
    header.schedule.pace_milli = pace_milli;
    Drafts drafts;
    std::vector<base::Bytes> messages;
    const auto self = *base::Destination::from(plan.relay.address.bytes);
    for (std::size_t at = 0; at < first_hops.size(); ++at) {
        if (at % stream::surbs_max == 0) {
            ++header.number;
            messages.emplace_back(stream::message_size);
            stream::encode(header, messages.back());
            drafts.add({plan.relay}, self, {}, random);
        }
        const auto made =
            packet::to_surb(*surbs.jobs[at].outcome, surbs.identifiers[at]).value().surb;
        std::copy(made.begin(), made.end(),
                  messages.back().begin() +
                      static_cast<std::ptrdiff_t>(stream::up_header_size +
                                                  at % stream::surbs_max * stream::surb_size));
        auto& mark = replies.emplace_back();
        std::copy_n(made.begin(), mark.size(), mark.begin());
    }
    std::vector<Prepared> all;
    for (const auto& packet : drafts.seal(messages))
        all.push_back(prepared(packet, plan.epoch));
    return all;
}

Mark mark_of(const cell::Cell& cell) {
    Mark mark;
    std::copy_n(cell.body().begin(), mark.size(), mark.begin());
    return mark;
}

}  // namespace nightjar::bench

#include "tests/lab/world/clear_packet.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "sphinx/base/codec.hpp"

namespace nightjar::lab::world {
namespace {

// The header's fields (clear_packet.hpp). A cell starts on a cache line; its body starts three
// bytes later.
constexpr std::size_t line_size = 64;
constexpr std::size_t line_offset(std::size_t line) {
    return line * line_size - 3;
}
constexpr std::size_t at_offset = 1;
constexpr std::size_t unique_offset = 2;
constexpr std::size_t legs = packet::max_hops - 1;
constexpr std::size_t leg_size = 8 + 32;
constexpr std::size_t leg_offset(std::size_t leg) {
    return leg == 0 ? 10 : line_offset(leg);
}
constexpr std::size_t final_offset = line_offset(legs);
constexpr std::size_t first_offset = final_offset + 32 + 16;
static_assert(leg_offset(0) + leg_size <= line_offset(1));
static_assert(first_offset + 32 + 8 <= packet::header_size);

void write_payload(base::ByteView message, base::ByteSpan packet) {
    const auto payload = packet.subspan(packet::header_size);
    assert(message.size() + packet::payload_overhead <= payload.size());
    std::fill_n(payload.begin(), packet::payload_zeros, std::uint8_t{0});
    const auto end = std::copy(message.begin(), message.end(),
                               payload.begin() + std::ptrdiff_t{packet::payload_zeros});
    *end = 1;
    std::fill(end + 1, payload.end(), std::uint8_t{0});
}

/// One step of splitmix64 (Steele, Lea, Flood 2014): consecutive numbers give unrelated words.
std::uint64_t scattered(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

packet::ReplayTag tag_of(std::uint64_t unique, std::size_t hop) {
    packet::ReplayTag tag;
    for (std::size_t i = 0; i < tag.bytes.size() / 8; ++i) {
        const auto word = scattered(unique ^ scattered(hop * 8 + i));
        std::memcpy(tag.bytes.data() + 8 * i, &word, sizeof word);
    }
    return tag;
}

class Numbers {
 public:
    explicit Numbers(std::uint64_t seed) : first_{scattered(seed)} {}
    std::uint64_t next() { return first_ + 2 * ++count_; }

 private:
    std::uint64_t first_;
    std::uint64_t count_ = 0;
};

ClearHeader header_for(std::span<const packet::Hop> route, const base::Destination& destination,
                       const base::SurbId& identifier, std::uint64_t unique) {
    assert(!route.empty() && route.size() <= packet::max_hops);
    ClearHeader header{.hops = route.size(),
                       .unique = unique,
                       .destination = destination,
                       .identifier = identifier};
    for (std::size_t i = 0; i < route.size(); ++i) {
        header.address[i] = route[i].address;
        header.delay_ns[i] = route[i].delay_ns;
    }
    return header;
}

struct ClearSealer final : client::core::Sealer {
    explicit ClearSealer(std::uint64_t seed) : numbers{seed} {}

    bool forward(std::span<const packet::Hop> route, const base::Destination& destination,
                 base::ByteView message, base::Random&, base::ByteSpan packet) override {
        write_clear(header_for(route, destination, {}, numbers.next()), packet);
        write_payload(message, packet);
        return true;
    }
    std::optional<packet::MadeSurb> surb(std::span<const packet::Hop> route,
                                         const base::Destination& destination,
                                         const base::SurbId& identifier, base::Random&) override {
        std::optional<packet::MadeSurb> made{std::in_place};
        write_clear(header_for(route, destination, identifier, numbers.next()), made->surb);
        std::copy(route.front().address.bytes.begin(), route.front().address.bytes.end(),
                  made->surb.begin() + packet::header_size);
        made->recovery.identifier = identifier;
        made->recovery.hops = route.size();
        return made;
    }
    bool reply(const packet::Surb& surb, base::ByteView message, base::ByteSpan packet) override {
        std::copy_n(surb.begin(), packet::header_size, packet.begin());
        write_payload(message, packet);
        return true;
    }
    std::optional<base::Bytes> recover(const packet::SurbKeys&, base::ByteView payload) override {
        const auto message = packet::read_message(payload);
        if (!message) return std::nullopt;
        return base::Bytes(message->begin(), message->end());
    }

    Numbers numbers;
};

/// Builds real packets with a random source of its own. The caller's random source then advances
/// exactly as it does with packets in clear.
struct RealSealer final : client::core::Sealer {
    explicit RealSealer(std::uint64_t seed) : own{seed} {}

    bool forward(std::span<const packet::Hop> route, const base::Destination& destination,
                 base::ByteView message, base::Random&, base::ByteSpan packet) override {
        return real->forward(route, destination, message, own, packet);
    }
    std::optional<packet::MadeSurb> surb(std::span<const packet::Hop> route,
                                         const base::Destination& destination,
                                         const base::SurbId& identifier, base::Random&) override {
        return real->surb(route, destination, identifier, own);
    }
    bool reply(const packet::Surb& surb, base::ByteView message, base::ByteSpan packet) override {
        return real->reply(surb, message, packet);
    }
    std::optional<base::Bytes> recover(const packet::SurbKeys& recovery,
                                       base::ByteView payload) override {
        return real->recover(recovery, payload);
    }

    base::SeededRandom own;
    std::unique_ptr<client::core::Sealer> real = client::core::packet_sealer();
};

struct ClearReplySealer final : relay::core::ReplySealer {
    std::optional<base::NodeId> seal(base::ByteView surb, base::ByteView message,
                                     base::ByteSpan packet) override {
        std::copy_n(surb.begin(), packet::header_size, packet.begin());
        write_payload(message, packet);
        return base::NodeId::from(surb.subspan(packet::header_size, base::NodeId::size()));
    }
};

struct ClearLoopSealer final : relay::core::LoopSealer {
    explicit ClearLoopSealer(std::uint64_t seed) : numbers{seed} {}
    void seal(std::span<relay::core::LoopJob> jobs, base::Random&) override {
        for (auto& job : jobs) {
            write_clear(header_for(job.route, job.destination, job.identifier, numbers.next()),
                        job.packet);
            write_payload({}, job.packet);
            job.sealed = true;
        }
    }
    Numbers numbers;
};

struct RealLoopSealer final : relay::core::LoopSealer {
    explicit RealLoopSealer(std::uint64_t seed) : own{seed} {}
    void seal(std::span<relay::core::LoopJob> jobs, base::Random&) override {
        relay::core::LoopSealer::seal(jobs, own);
    }
    base::SeededRandom own;
};

packet::Opened open(base::ByteSpan packet) {
    const auto hops = std::min<std::size_t>(packet[0], packet::max_hops);
    const auto at = std::min<std::size_t>(packet[at_offset], packet::max_hops - 1);
    base::Reader unique{packet.subspan(unique_offset, 8)};
    packet::Opened opened{.replay_tag = tag_of(unique.u64(), at), .what = {}};
    if (at + 1 < hops) {
        packet::Forward forward;
        base::Reader leg{packet.subspan(leg_offset(at), leg_size)};
        forward.delay_ns = leg.u64();
        leg.into(forward.next.bytes);
        opened.what = forward;
        ++packet[at_offset];
    } else {
        packet::Final final;
        base::Reader ends{packet.subspan(final_offset, 48)};
        ends.into(final.destination.bytes);
        ends.into(final.identifier.bytes);
        opened.what = final;
    }
    return opened;
}

}  // namespace

void write_clear(const ClearHeader& header, base::ByteSpan out) {
    const auto at = [&](std::size_t offset, std::size_t size) {
        return base::Writer{out.subspan(offset, size)};
    };
    auto begin = at(0, 10);
    begin.u8(static_cast<std::uint8_t>(header.hops));
    begin.u8(static_cast<std::uint8_t>(header.at));
    begin.u64(header.unique);
    for (std::size_t i = 0; i < legs; ++i) {
        auto leg = at(leg_offset(i), leg_size);
        leg.u64(header.delay_ns[i]);
        leg.bytes(header.address[i + 1].bytes);
    }
    auto ends = at(final_offset, packet::header_size - final_offset);
    ends.bytes(header.destination.bytes);
    ends.bytes(header.identifier.bytes);
    ends.bytes(header.address[0].bytes);
    ends.u64(header.delay_ns[legs]);
}

ClearHeader read_clear(base::ByteView packet) {
    ClearHeader header;
    base::Reader begin{packet.first(10)};
    header.hops = std::min<std::size_t>(begin.u8(), packet::max_hops);
    header.at = std::min<std::size_t>(begin.u8(), packet::max_hops - 1);
    header.unique = begin.u64();
    for (std::size_t i = 0; i < legs; ++i) {
        base::Reader leg{packet.subspan(leg_offset(i), leg_size)};
        header.delay_ns[i] = leg.u64();
        leg.into(header.address[i + 1].bytes);
    }
    base::Reader ends{packet.subspan(final_offset, packet::header_size - final_offset)};
    ends.into(header.destination.bytes);
    ends.into(header.identifier.bytes);
    ends.into(header.address[0].bytes);
    header.delay_ns[legs] = ends.u64();
    return header;
}

void fetch_first(const cell::Cell& cell) {
    __builtin_prefetch(cell.bytes().data(), 1);
}

void fetch_rest(const cell::Cell& cell) {
    const auto packet = cell.body();
    const bool last = packet[at_offset] + 1 >= packet[0];
    const auto leg = std::min<std::size_t>(packet[at_offset], legs - 1);
    const auto read = packet.subspan(last ? final_offset : leg_offset(leg), leg_size);
    __builtin_prefetch(&read.front());
    __builtin_prefetch(&read.back());
}

std::unique_ptr<client::core::Sealer> client_sealer(Packets packets, std::uint64_t seed) {
    if (packets == Packets::clear) return std::make_unique<ClearSealer>(seed);
    return std::make_unique<RealSealer>(seed);
}

std::unique_ptr<relay::core::ReplySealer> reply_sealer(Packets packets) {
    if (packets == Packets::clear) return std::make_unique<ClearReplySealer>();
    return std::make_unique<relay::core::ReplySealer>();
}

std::unique_ptr<relay::core::LoopSealer> loop_sealer(Packets packets, std::uint64_t seed) {
    if (packets == Packets::clear) return std::make_unique<ClearLoopSealer>(seed);
    return std::make_unique<RealLoopSealer>(seed);
}

void unwrap(Packets packets, std::span<relay::core::Work> batch) {
    if (packets == Packets::real) return relay::core::unwrap(batch);
    for (auto& work : batch)
        work.outcome = open(work.cell->body());
}

}  // namespace nightjar::lab::world

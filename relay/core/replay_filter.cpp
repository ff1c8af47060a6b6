#include "relay/core/replay_filter.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numeric>

namespace nightjar::relay::core {
namespace {

__extension__ using Wide = unsigned __int128;

// Tags come from a key derivation and are uniform, so their bytes serve as hash values. Words 0 and
// 1 pick the two lines. Each line gets 8 bits: 7 indices of 9 bits from word 2 or 3, and one from
// the low 9 bits of the word that picked the line. Those low bits do not affect the choice of the
// line unless a filter has 2^55 lines.
struct Words {
    std::uint64_t line[ReplayFilter::lines_of_tag];
    std::uint64_t bits[ReplayFilter::lines_of_tag];
};
static_assert(sizeof(Words) == sizeof(packet::ReplayTag::bytes));

Words words_of(const packet::ReplayTag& tag) {
    Words words;
    std::memcpy(&words, tag.bytes.data(), sizeof words);
    return words;
}

constexpr unsigned bits_of_index = 9;
static_assert(ReplayFilter::line_size * 8 == 1u << bits_of_index);
static_assert((ReplayFilter::probes - 1) * bits_of_index <= 64);

/// Calls `each` with the indices of a tag's bits in its line `i`.
template <class Each>
void bits_of(const Words& words, unsigned i, Each each) {
    constexpr std::uint64_t mask = ReplayFilter::line_size * 8 - 1;
    each(words.line[i] & mask);
    auto rest = words.bits[i];
    for (unsigned probe = 1; probe < ReplayFilter::probes; ++probe) {
        each(rest & mask);
        rest >>= bits_of_index;
    }
}

bool is_set(base::ByteSpan line, std::uint64_t index) {
    return (line[index / 8] >> (index % 8) & 1) != 0;
}

/// Sets a bit. Returns true if it was not set before.
bool set(base::ByteSpan line, std::uint64_t index) {
    auto& byte = line[index / 8];
    const auto mask = static_cast<std::uint8_t>(1u << (index % 8));
    const bool fresh = (byte & mask) == 0;
    byte |= mask;
    return fresh;
}

unsigned bits_set(base::ByteSpan line) {
    unsigned set = 0;
    for (std::size_t at = 0; at < line.size(); at += sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, line.data() + at, sizeof word);
        set += static_cast<unsigned>(std::popcount(word));
    }
    return set;
}

constexpr std::size_t growth = 4;             // a part is so many times as large as the last one
constexpr std::size_t first_least = 1 << 20;  // bytes of a first part, if the filter has so many
/// 1 + 4 + 16 + 64: the parts of a filter that holds what it is made for.
constexpr std::size_t firsts_in_all = 85;
constexpr std::uint64_t ask_every = 8;  // of a part's load

}  // namespace

std::size_t ReplayFilter::bytes_for(std::uint64_t packets) {
    const auto lines = (packets + tags_of_line - 1) / tags_of_line;
    return std::max<std::size_t>(lines, lines_of_tag) * line_size;
}

std::size_t ReplayFilter::next_part(std::uint64_t packets, std::span<const std::size_t> sizes) {
    const auto whole_lines = [](std::size_t bytes) {
        return (bytes + line_size - 1) / line_size * line_size;
    };
    const auto all = bytes_for(packets);
    if (sizes.empty())
        return std::min(all, std::max(first_least, whole_lines(all / firsts_in_all)));
    const auto held = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
    // Little may be missing after a restart with another rate. So small a part would be full before
    // the next one is made, and would then refuse everything.
    const auto least = all / firsts_in_all;
    if (sizes.size() >= parts_max || held + least >= 2 * all) return 0;
    if (held + least >= all || sizes.size() + 1 == parts_max) return whole_lines(2 * all - held);
    const auto next = growth * sizes.back();
    const auto missing = all - held;
    // No small part at the end: each one costs all later packets a cache line.
    return whole_lines(missing <= 2 * next ? missing : next);
}

std::uint64_t ReplayFilter::tags_in(base::ByteSpan part) {
    const Part whole{part.first(part.size() / line_size * line_size)};
    std::uint64_t set = 0;
    for (std::size_t at = 0; at < whole.memory.size(); at += line_size)
        set += bits_set(whole.memory.subspan(at, line_size));
    // n draws of m bits leave m * e^(-n/m) unset.
    const auto bits = static_cast<double>(8 * whole.memory.size());
    const auto unset = std::max(1.0, bits - static_cast<double>(set));
    return static_cast<std::uint64_t>(bits * std::log(bits / unset) / (lines_of_tag * probes));
}

ReplayFilter::ReplayFilter(base::ByteSpan part, std::uint64_t tags) {
    parts_.reserve(parts_max);
    add_part(part, tags);
}

void ReplayFilter::add_part(base::ByteSpan part, std::uint64_t tags) {
    assert(part.size() >= line_size && parts_.size() < parts_max);
    parts_.push_back({part.first(part.size() / line_size * line_size), tags});
    const auto load = parts_.back().load();
    watch_at_ = ask_at_ = std::max(tags, load - load / ask_every);
}

base::ByteSpan ReplayFilter::Part::line(std::uint64_t word) const {
    // Maps the word uniformly to [0, lines) without a division: the high half of the product.
    const auto at = static_cast<std::size_t>((Wide{word} * lines()) >> 64);
    return memory.subspan(at * line_size, line_size);
}

void ReplayFilter::fetch(const packet::ReplayTag& tag) const {
    const auto words = words_of(tag);
    const auto& last = parts_.back();
    for (const auto word : words.line)
        __builtin_prefetch(last.line(word).data(), 1);
    // In an earlier part the first line nearly always shows that a new tag is not there.
    for (const auto& part : std::span{parts_}.first(parts_.size() - 1))
        __builtin_prefetch(part.line(words.line[0]).data(), 0);
}

bool ReplayFilter::insert(const packet::ReplayTag& tag) {
    const auto words = words_of(tag);
    const auto line_holds = [&words](const Part& part, unsigned i) {
        const auto line = part.line(words.line[i]);
        bool all = true;  // not left early: the bits are random, so branches on them cost more
        bits_of(words, i, [&](std::uint64_t index) { all &= is_set(line, index); });
        return all;
    };
    for (const auto& part : std::span{parts_}.first(parts_.size() - 1))
        if (line_holds(part, 0) && line_holds(part, 1)) return false;
    auto& last = parts_.back();
    bool fresh = false;
    for (unsigned i = 0; i < lines_of_tag; ++i) {
        const auto line = last.line(words.line[i]);
        bits_of(words, i, [&](std::uint64_t index) { fresh |= set(line, index); });
    }
    if (fresh && ++last.tags >= watch_at_) watch();
    return fresh;
}

/// Asks for the next part in time, and takes it when the last one is at its load.
void ReplayFilter::watch() {
    const auto& last = parts_.back();
    const bool at_load = last.tags >= last.load();
    if (last.tags >= ask_at_) {
        prepare_part();
        ask_at_ = last.tags + std::max<std::uint64_t>(1, last.load() / ask_every);
    }
    if (at_load && parts_.size() < parts_max)
        if (const auto part = take_part(); !part.empty()) return add_part(part);
    watch_at_ = at_load ? last.tags + 1 : std::min(ask_at_, last.load());
}

std::uint64_t ReplayFilter::tags() const {
    std::uint64_t all = 0;
    for (const auto& part : parts_)
        all += part.tags;
    return all;
}

bool ReplayFilter::overfull() const {
    const auto& last = parts_.back();
    return last.tags > last.load() + last.load() / 4;
}

double ReplayFilter::Part::false_alarm_rate() const {
    double alarms = 0;  // sum of the rates of all lines
    for (std::size_t at = 0; at < memory.size(); at += line_size)
        alarms += std::pow(bits_set(memory.subspan(at, line_size)) / (8.0 * line_size), probes);
    return std::pow(alarms / static_cast<double>(lines()), lines_of_tag);
}

double ReplayFilter::false_alarm_rate() const {
    double none = 1;  // the probability of no false alarm in any part
    for (const auto& part : parts_)
        none *= 1 - part.false_alarm_rate();
    return 1 - none;
}

}  // namespace nightjar::relay::core

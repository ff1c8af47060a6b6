#include "relay/core/replay_filter.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

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

/// Sets a bit. Returns true if it was not set before.
bool set(base::ByteSpan line, std::uint64_t index) {
    index %= ReplayFilter::line_size * 8;
    auto& byte = line[index / 8];
    const auto mask = static_cast<std::uint8_t>(1u << (index % 8));
    const bool fresh = (byte & mask) == 0;
    byte |= mask;
    return fresh;
}

}  // namespace

std::size_t ReplayFilter::bytes_for(std::uint64_t packets) {
    constexpr std::uint64_t tags_per_line = line_size * 8 / bits_per_tag;
    const auto lines = (packets + tags_per_line - 1) / tags_per_line;
    return std::max<std::size_t>(lines, lines_of_tag) * line_size;
}

ReplayFilter::ReplayFilter(base::ByteSpan memory)
    : memory_{memory.first(memory.size() / line_size * line_size)} {
    assert(!memory_.empty());
}

base::ByteSpan ReplayFilter::line(std::uint64_t word) const {
    const std::uint64_t lines = memory_.size() / line_size;
    // Maps the word uniformly to [0, lines) without a division: the high half of the product.
    const auto at = static_cast<std::size_t>((Wide{word} * lines) >> 64);
    return memory_.subspan(at * line_size, line_size);
}

void ReplayFilter::fetch(const packet::ReplayTag& tag) const {
    for (const auto word : words_of(tag).line)
        __builtin_prefetch(line(word).data(), 1);
}

bool ReplayFilter::insert(const packet::ReplayTag& tag) {
    auto words = words_of(tag);
    bool fresh = false;
    for (unsigned i = 0; i < lines_of_tag; ++i) {
        const auto bits = line(words.line[i]);
        fresh |= set(bits, words.line[i]);
        for (unsigned probe = 1; probe < probes; ++probe) {
            fresh |= set(bits, words.bits[i]);
            words.bits[i] >>= bits_of_index;
        }
    }
    return fresh;
}

double ReplayFilter::false_alarm_rate() const {
    double alarms = 0;  // sum of the rates of all lines
    for (std::size_t at = 0; at < memory_.size(); at += line_size) {
        unsigned set = 0;
        for (const auto byte : memory_.subspan(at, line_size))
            set += static_cast<unsigned>(std::popcount(byte));
        alarms += std::pow(set / (8.0 * line_size), probes);
    }
    return std::pow(alarms / static_cast<double>(memory_.size() / line_size), lines_of_tag);
}

}  // namespace nightjar::relay::core

#include "tests/support/seized_memory.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>

namespace nightjar::test {

namespace {

constexpr std::size_t key_words = 8, schedule_words = 60;  // AES-256, in words of 4 bytes
constexpr std::size_t alignment = 4;                       // of arrays in OpenSSL's structures

constexpr std::size_t text_length = 8;

/// False for 0.3 % of random strings of 16 bytes, 0.6 % of 32 and 0.9 % of 48: they have too few
/// different bytes, or what could be a text.
bool looks_random(base::ByteView bytes) {
    const std::size_t least = bytes.size() == 16 ? 13 : bytes.size() == 32 ? 25 : 36;
    std::bitset<256> seen;
    std::size_t different = 0, text = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        different += !seen[bytes[i]];
        seen.set(bytes[i]);
        text = bytes[i] >= 0x20 && bytes[i] < 0x7f ? text + 1 : 0;
        if (text == text_length || different + (bytes.size() - i - 1) < least) return false;
    }
    return true;
}

/// All but each fourth word of a schedule is the one before it XOR the one of a key's length before
/// it. The fourth ones need AES' table; without them, these are 39 equations of 32 bits.
bool is_schedule(const std::uint32_t* words) {
    for (std::size_t i = key_words; i < schedule_words; ++i)
        if (i % 4 != 0 && words[i] != (words[i - 1] ^ words[i - key_words])) return false;
    return true;
}

constexpr std::size_t prefix_bits = 24;

std::size_t prefix_of(const std::uint8_t* bytes) {
    return std::size_t{bytes[0]} << 16U | std::size_t{bytes[1]} << 8U | bytes[2];
}

/// What looks random at multiples of `step`, sorted, each once.
template <class Bytes>
std::vector<Bytes> random_looking(base::ByteView memory, std::size_t step) {
    std::vector<Bytes> found;
    for (std::size_t at = 0; at + sizeof(Bytes) <= memory.size(); at += step) {
        const auto bytes = memory.subspan(at, sizeof(Bytes));
        if (!looks_random(bytes)) continue;
        std::ranges::copy(bytes, found.emplace_back().begin());
    }
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

}  // namespace

std::set<LinkKey> expanded_keys(base::ByteView memory) {
    std::vector<std::uint32_t> words(memory.size() / 4);
    std::memcpy(words.data(), memory.data(), words.size() * 4);
    std::set<LinkKey> found;
    for (std::size_t at = 0; at + schedule_words <= words.size(); ++at) {
        const auto key = memory.subspan(at * 4, sizeof(LinkKey));
        if (!is_schedule(&words[at]) || !looks_random(key)) continue;
        LinkKey one;
        std::ranges::copy(key, one.begin());
        found.insert(one);
    }
    return found;
}

std::vector<TrafficSecret> possible_secrets(base::ByteView memory) {
    return random_looking<TrafficSecret>(memory, alignment);
}

std::vector<Value> random_values(base::ByteView memory, std::size_t step) {
    return random_looking<Value>(memory, step);
}

std::set<Value> remembered(base::ByteView memory, const std::set<Value>& values) {
    static_assert(prefix_bits == 24);
    std::vector<bool> begins(std::size_t{1} << prefix_bits);  // so that most places cost one look
    for (const auto& value : values)
        begins[prefix_of(value.data())] = true;
    std::set<Value> found;
    for (std::size_t at = 0; at + sizeof(Value) <= memory.size(); ++at) {
        if (!begins[prefix_of(&memory[at])]) continue;
        Value here;
        std::ranges::copy(memory.subspan(at, here.size()), here.begin());
        if (values.contains(here)) found.insert(here);
    }
    return found;
}

}  // namespace nightjar::test

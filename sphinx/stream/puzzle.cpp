#include "sphinx/stream/puzzle.hpp"

#include <sodium.h>

#include <bit>
#include <cassert>
#include <string_view>

#include "sphinx/base/codec.hpp"

namespace nightjar::stream {

namespace {

constexpr std::string_view domain = "nightjar puzzle 1";
constexpr std::size_t input_size = domain.size() + 32 + 4 + 16 + solution_size;
constexpr std::size_t hash_size = crypto_generichash_BYTES_MIN;

}  // namespace

std::uint32_t puzzle_period_at(base::Wall time) {
    return static_cast<std::uint32_t>(time.time_since_epoch() / puzzle_period);
}

bool solves(const Puzzle& puzzle, const Solution& solution, unsigned bits) {
    assert(bits <= 64);
    base::ByteArray<input_size> input;
    base::Writer writer{input};
    writer.bytes(base::as_bytes(domain));
    writer.bytes(puzzle.exit.bytes);
    writer.u32(puzzle.period);
    writer.bytes(puzzle.session.bytes);
    writer.bytes(solution);
    base::ByteArray<hash_size> hash;
    crypto_generichash(hash.data(), hash.size(), input.data(), input.size(), nullptr, 0);
    base::Reader reader{hash};
    return static_cast<unsigned>(std::countl_zero(reader.u64())) >= bits;
}

bool solves_lately(Puzzle puzzle, const Solution& solution, unsigned bits, base::Wall now) {
    puzzle.period = puzzle_period_at(now);
    if (solves(puzzle, solution, bits)) return true;
    --puzzle.period;
    return solves(puzzle, solution, bits);
}

std::optional<Solution> PuzzleSearch::step(std::uint32_t tries) {
    for (; tries > 0 && !found_; --tries) {
        Solution next;
        for (std::size_t i = 0; i < next.size(); ++i)
            next[i] = static_cast<std::uint8_t>(next_ >> 8 * i);
        ++next_;
        if (solves(puzzle_, next, bits_)) found_ = next;
    }
    return found_;
}

}  // namespace nightjar::stream

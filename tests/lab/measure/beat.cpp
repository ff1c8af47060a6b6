#include "tests/lab/measure/beat.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numeric>
#include <vector>

namespace nightjar::lab::measure {
namespace {

using Histogram = std::vector<double>;

/// So many gaps at the pace of a frame. Trains of a whole pace, two thirds and a third have so many
/// places in it.
constexpr std::uint64_t gaps = 9;
constexpr std::array<std::size_t, 3> places{9, 6, 3};
constexpr double deviations = 3;  // a place that holds a train is so far above the floor

/// Folds milliseconds at nine gaps of one pace, into places of a millisecond.
class Frame {
 public:
    explicit Frame(std::uint64_t pace_milli)
        : pace_milli_{pace_milli}, size_{(length + pace_milli / 2) / pace_milli} {}

    std::size_t size() const { return size_; }
    /// A millisecond that does not divide the frame: then a train's cells fall on two places.
    std::size_t width() const { return length % pace_milli_ == 0 ? 1 : 2; }

    Histogram fold(std::span<const std::uint8_t> sent, std::size_t from, std::size_t window) const {
        Histogram cells(size_), milliseconds(size_);
        auto passed = from * pace_milli_ % length;
        for (const auto count : sent.subspan(from, window)) {
            const auto place = passed * size_ / length;
            cells[place] += count;
            ++milliseconds[place];
            passed = (passed + pace_milli_) % length;
        }
        const auto mean = static_cast<double>(window) / static_cast<double>(size_);
        for (std::size_t place = 0; place < size_; ++place)
            cells[place] *= mean / std::max(1.0, milliseconds[place]);
        return cells;
    }

 private:
    static constexpr std::uint64_t length = gaps * 1'000'000;  // in millionths of a gap

    std::uint64_t pace_milli_;
    std::size_t size_;
};

double threshold(double floor) {
    return floor + deviations * std::sqrt(floor + 1);
}

/// The mean of the places without trains. Begins with the lower quartile, because trains may have
/// more than half of all places.
double floor_of(Histogram cells) {
    std::sort(cells.begin(), cells.end());
    auto floor = cells[cells.size() / 4];
    for (unsigned round = 0; round < 8; ++round) {
        const auto end = std::upper_bound(cells.begin(), cells.end(), threshold(floor));
        floor = std::accumulate(cells.begin(), end, 0.0) / static_cast<double>(end - cells.begin());
    }
    return floor;
}

double on_trains(const Histogram& cells) {
    const auto floor = floor_of(cells);
    double sum = 0;
    for (const auto count : cells)
        if (count > threshold(floor)) sum += count - floor;
    return sum;
}

/// The train with `count` places, wherever it begins, that rises most. Trains that go on have as
/// many cells in both windows, so the noise is that of the floor alone.
double largest_rise(const Histogram& before, const Histogram& after, std::size_t count,
                    std::size_t width) {
    const auto size = before.size();
    double most = -HUGE_VAL;
    for (std::size_t begin = 0; begin < size; ++begin) {
        double rise = 0;
        for (std::size_t i = 0; i < count; ++i)
            for (std::size_t wide = 0; wide < width; ++wide) {
                const auto place = ((begin + i * size) / count + wide) % size;
                rise += after[place] - before[place];
            }
        most = std::max(most, rise);
    }
    const auto noise = static_cast<double>(count * width) * (floor_of(before) + floor_of(after));
    return most / std::sqrt(noise + 1);
}

/// The sum of squares above what Poisson processes without a change would have.
double pattern(const Histogram& before, const Histogram& after) {
    double above = 0, variance = 1;
    for (std::size_t place = 0; place < before.size(); ++place) {
        const auto rise = after[place] - before[place], cells = after[place] + before[place];
        above += rise * rise - cells;
        variance += 2 * cells * cells;
    }
    return above / std::sqrt(variance);
}

}  // namespace

BeatChange beat_change(std::span<const std::uint8_t> sent, std::size_t before, std::size_t after,
                       std::size_t window, std::uint32_t whole_milli, Trains trains) {
    assert(std::max(before, after) + window <= sent.size());
    BeatChange change{.line = -HUGE_VAL};
    double cells_before = 0, cells_after = 0, all = 1;
    for (const auto pace_milli : {whole_milli, whole_milli / 10 * 9}) {
        const bool on_trial = pace_milli != whole_milli;
        const Frame frame{pace_milli};
        const auto old = frame.fold(sent, before, window), now = frame.fold(sent, after, window);
        for (const auto count : places)
            if (trains == Trains::any || (count == gaps && !on_trial))
                change.line = std::max(change.line, largest_rise(old, now, count, frame.width()));
        // Trains of other paces than the frame's are spread over all places, so the frame that fits
        // holds most.
        cells_before = std::max(cells_before, on_trains(old));
        cells_after = std::max(cells_after, on_trains(now));
        if (on_trial) continue;
        change.pattern = pattern(old, now);
        all += std::accumulate(old.begin(), old.end(), 0.0) +
               std::accumulate(now.begin(), now.end(), 0.0);
    }
    change.cells = (cells_after - cells_before) / std::sqrt(all);
    return change;
}

}  // namespace nightjar::lab::measure

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "tests/lab/experiments/capture.hpp"

namespace nightjar::lab::experiments {
namespace {

using nlohmann::json;

constexpr std::size_t line_bytes_max = 1 << 20;
constexpr std::size_t slices_max = 100'000;
constexpr std::uint64_t windows_max = 10'000;
constexpr std::size_t times_max = 10'000;
constexpr std::size_t links_max = 10'000;
constexpr double rate_max = 10'000;
constexpr double relays_max = 100;
constexpr double delay_ms_max = 60'000;
constexpr double exit_room_max = 4000;

/// One line of a file, as errors name it.
struct Line {
    const std::string& file;
    std::size_t number = 0;
    json value = {};

    [[noreturn]] void fail(const std::string& what) const {
        throw std::runtime_error("'" + file + "', line " + std::to_string(number) + ": " + what);
    }
    const json& at(const char* name) const {
        const auto found = value.find(name);
        if (found == value.end()) fail(std::string{"'"} + name + "' is missing");
        return *found;
    }
    double number_at(const char* name, double least, double most) const {
        const auto& it = at(name);
        const auto x = it.is_number() ? it.get<double>() : std::nan("");
        if (!(x >= least && x <= most))
            fail(std::string{"'"} + name + "' is not a number from " + json(least).dump() + " to " +
                 json(most).dump());
        return x;
    }
    unsigned whole_at(const char* name, double least, double most) const {
        const auto x = number_at(name, least, most);
        if (x != std::floor(x)) fail(std::string{"'"} + name + "' is not a whole number");
        return static_cast<unsigned>(x);
    }
    directory::Rate rate_at(const char* name) const {
        return {static_cast<std::uint32_t>(std::lround(number_at(name, 0.001, rate_max) * 1000))};
    }
    std::vector<double> numbers_at(const char* name, std::size_t count_max, double below) const {
        const auto& list = at(name);
        if (!list.is_array() || list.size() > count_max)
            fail(std::string{"'"} + name + "' is not a list of at most " +
                 std::to_string(count_max));
        std::vector<double> numbers;
        for (const auto& one : list) {
            const auto x = one.is_number() ? one.get<double>() : -1;
            if (!(x >= 0 && x < below))
                fail(std::string{"'"} + name + "' has something that is not a number from 0 to " +
                     json(below).dump());
            numbers.push_back(x);
        }
        return numbers;
    }
};

/// False at the end.
bool next_line(std::istream& lines, Line& line) {
    std::string text;
    char byte = 0;
    while (lines.get(byte) && byte != '\n')
        if (text.push_back(byte), text.size() > line_bytes_max) break;
    ++line.number;
    if (text.size() > line_bytes_max) line.fail("longer than a megabyte");
    if (text.empty() && !lines) return false;
    line.value = json::parse(text, nullptr, false);
    if (!line.value.is_object()) line.fail("not an object of JSON");
    return true;
}

Observed observed_of(const Line& line) {
    Observed observed;
    const auto& by = line.at("observer");
    if (by != "tshark" && by != "recorder") line.fail("'observer' is neither tshark nor recorder");
    observed.every_link = by == "tshark";
    observed.mixes = line.whole_at("mixes", 1, relays_max);
    observed.gateways = line.whole_at("gateways", 2, relays_max);
    auto& parameters = observed.parameters;
    parameters.mean_delay = base::Milliseconds{line.whole_at("mean_delay_ms", 1, delay_ms_max)};
    parameters.main_slots = line.rate_at("main_slots");
    parameters.client_loops = line.rate_at("client_loops");
    parameters.replies = line.rate_at("replies");
    parameters.down = line.rate_at("down");
    parameters.relay_loops = line.rate_at("relay_loops");
    parameters.exit_room = line.whole_at("exit_room_per_1000", 0, exit_room_max);
    return observed;
}

attacks::Times times_at(const Line& line, const char* name) {
    const auto numbers = line.numbers_at(name, times_max, slice_seconds);
    return {numbers.begin(), numbers.end()};
}

Slice slice_of(const Line& line) {
    Slice slice;
    slice.window = line.whole_at("window", 0, windows_max);
    if (!line.at("busy").is_boolean()) line.fail("'busy' is neither true nor false");
    slice.busy = line.at("busy").get<bool>();
    slice.up = times_at(line, "up");
    slice.down = times_at(line, "down");
    slice.links = line.numbers_at("links", links_max, 1e6);
    return slice;
}

}  // namespace

Capture read_capture(std::istream& lines, const std::string& name) {
    Line line{name};
    if (!next_line(lines, line)) line.fail("the file is empty");
    Capture capture{observed_of(line), {}, 0};
    std::map<std::uint64_t, bool> busy;
    while (next_line(lines, line)) {
        auto slice = slice_of(line);
        const auto known = busy.try_emplace(slice.window, slice.busy).first;
        if (known->second != slice.busy) line.fail("its window is both idle and busy");
        if (!capture.slices.empty() && capture.slices.front().links.size() != slice.links.size())
            line.fail("not as many links as in the slices before");
        if (capture.slices.size() == slices_max) line.fail("more slices than 100000");
        capture.slices.push_back(std::move(slice));
    }
    bool seen[2][2] = {};  // by parity, by busy
    for (const auto& [window, is_busy] : busy)
        seen[window % 2][is_busy] = true;
    if (!(seen[0][0] && seen[0][1] && seen[1][0] && seen[1][1]))
        throw std::runtime_error(
            "'" + name + "': idle and busy windows are needed, of even and odd number each");
    capture.windows = static_cast<unsigned>(busy.size());
    return capture;
}

Capture read_capture(const std::string& file) {
    std::ifstream lines{file};
    if (!lines)
        throw std::runtime_error("cannot read '" + file +
                                 "'; deploy/demo --lab writes such a file and gives it");
    return read_capture(lines, file);
}

}  // namespace nightjar::lab::experiments

#include "sphinx/base/log_bounds.hpp"

#include <algorithm>

namespace nightjar::base {

void LogLimit::refill(Bucket& bucket, Mono now) {
    const auto more = (now - bucket.refilled) / interval;
    if (more <= 0) return;
    bucket.refilled += more * interval;
    bucket.lines = static_cast<int>(std::min<std::int64_t>(burst, bucket.lines + more));
}

bool LogLimit::take(Place place, std::string_view text, Mono now) {
    const auto [at, is_new] = buckets_.try_emplace(place);
    auto& bucket = at->second;
    if (is_new) bucket.refilled = now;
    refill(bucket, now);
    if (bucket.lines > 0) {
        // A full place begins its interval with the first line that it writes.
        if (bucket.lines-- == burst) bucket.refilled = now;
        return true;
    }
    ++bucket.left_out.count;
    bucket.left_out.last = text;
    return false;
}

std::vector<LogLimit::LeftOut> LogLimit::due(Mono now) {
    std::vector<LeftOut> found;
    for (auto& [place, bucket] : buckets_) {
        if (bucket.left_out.count == 0) continue;
        refill(bucket, now);
        if (bucket.lines == 0) continue;
        --bucket.lines;
        found.push_back(std::exchange(bucket.left_out, {}));
    }
    return found;
}

std::vector<LogLimit::LeftOut> LogLimit::rest() {
    std::vector<LeftOut> found;
    for (auto& [place, bucket] : buckets_)
        if (bucket.left_out.count > 0) found.push_back(std::exchange(bucket.left_out, {}));
    return found;
}

void BugCount::add(const std::string& task) {
    const bool known = tasks_.size() < tasks_max || tasks_.contains(task);
    ++tasks_[known ? task : "others"];
}

std::optional<std::string> BugCount::due(Wall now) {
    const auto running = place(now);
    if (running == place_) return std::nullopt;
    place_ = running;
    return rest();
}

std::optional<std::string> BugCount::rest() {
    if (tasks_.empty()) return std::nullopt;
    std::string text = "bugs ended tasks since the last line about them: ";
    for (bool first = true; const auto& [task, count] : std::exchange(tasks_, {})) {
        text +=
            (std::exchange(first, false) ? "" : ", ") + task + " (" + std::to_string(count) + ")";
    }
    return text;
}

}  // namespace nightjar::base

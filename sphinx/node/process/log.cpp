#include "sphinx/node/process/log.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string>

#include "sphinx/base/log_bounds.hpp"
#include "sphinx/node/process/clocks.hpp"

namespace nightjar::node::process {

namespace {

std::atomic<Level> level_max{Level::info};

/// systemd sets JOURNAL_STREAM to the device and inode of the journal's socket. The prefix is for
/// the journal only, so a unit whose stderr goes to a file gets plain lines.
bool journal_listens() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
    return stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

std::string_view name(Level level) {
    switch (level) {
        case Level::error:
            return "error: ";
        case Level::warning:
            return "warning: ";
        case Level::info:
            return "";
        case Level::debug:
            return "debug: ";
    }
    return "";
}

struct Limited {
    std::mutex mutex;
    base::LogLimit limit;
};
Limited& limited() {
    static auto& never_freed = *new Limited;  // a thread may log while the process ends
    return never_freed;
}

void write(Level level, std::string_view message) {
    static const bool journal = journal_listens();
    std::string line = journal ? "<" + std::to_string(static_cast<int>(level)) + ">"
                               : base::utc_stamp(wall_now()) + " " + std::string{name(level)};
    // One message is always one line, so that no text can forge another entry.
    for (const char c : message) {
        const auto byte = static_cast<unsigned char>(c);
        line += byte < 0x20 || byte == 0x7f ? ' ' : c;
    }
    line += '\n';
    // A single write, so that lines of several threads do not mix. Errors are ignored: a full disk
    // must not stop a relay.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

void write(const std::vector<base::LogLimit::LeftOut>& left_out) {
    for (const auto& lines : left_out)
        write(Level::warning,
              "left out " + std::to_string(lines.count) +
                  " lines of one kind, which came too fast; the last: " + lines.last);
}

}  // namespace

void log(Level level, std::string_view message, std::source_location place) {
    if (level > level_max.load(std::memory_order_relaxed)) return;
    auto& [mutex, limit] = limited();
    const std::lock_guard lock{mutex};
    const auto now = mono_now();
    write(limit.due(now));
    if (limit.take({place.file_name(), place.line()}, message, now)) write(level, message);
}

void log_left_out() {
    auto& [mutex, limit] = limited();
    const std::lock_guard lock{mutex};
    write(limit.rest());
}

void set_log_level(Level level) {
    level_max = level;
}

}  // namespace nightjar::node::process

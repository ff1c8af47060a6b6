#include "relay/keys/clock_record.hpp"

#include <fstream>
#include <sstream>
#include <string>

#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::keys {

namespace {

constexpr auto file_name = "clock";
constexpr auto first_line = "nightjar clock v1";

}  // namespace

ClockRecord read_clock_record(const std::filesystem::path& directory) {
    const auto path = directory / file_name;
    ClockRecord record;
    std::ifstream file{path};
    if (!file) return record;
    std::string line;
    bool good = std::getline(file, line) && line == first_line;
    std::string word;
    while (good && file >> word) {
        std::int64_t ms = 0;
        base::Epoch epoch;
        if (word == "difference-ms" && file >> ms)
            record.difference = base::Milliseconds{ms};
        else if (word == "epoch" && file >> epoch.value >> word >> ms && word == "ends-ms")
            record.ends[epoch] = base::Milliseconds{ms};
        else
            good = false;
    }
    if (!good)
        throw node::process::KeyError{path.string() + ": is no record of a clock; remove it"};
    return record;
}

void write_clock_record(const std::filesystem::path& directory, const ClockRecord& record) {
    std::ostringstream text;
    text << first_line << "\n";
    if (record.difference) text << "difference-ms " << record.difference->count() << "\n";
    for (const auto& [epoch, end] : record.ends)
        text << "epoch " << epoch.value << " ends-ms " << end.count() << "\n";
    node::files::replace_file(directory / file_name, text.str(),
                              node::files::Durability::rename_only, 0600);
}

}  // namespace nightjar::relay::keys

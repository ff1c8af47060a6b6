#include "relay/doctor/limit_rules.hpp"

#include <algorithm>

#include "relay/core/replay_filter.hpp"
#include "relay/io/exit.hpp"
#include "relay/operation/startup.hpp"
#include "sphinx/node/link/key_memory.hpp"
#include "sphinx/node/link/listener.hpp"

namespace nightjar::relay::doctor {

namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;

std::string mebibytes(std::uint64_t bytes) {
    return std::to_string((bytes + mebibyte - 1) / mebibyte) + " MiB";
}

}  // namespace

DescriptorsNeeded descriptors_needed(const operation::RelayConfig& config,
                                     const directory::Document& document) {
    constexpr std::uint64_t own_files = 64;  // keys, filters, timers, the control socket, metrics
    DescriptorsNeeded needed;
    needed.always = own_files + config.listen.size() + 2 * document.relays.size();
    if (config.role == directory::Role::gateway)
        needed.always += operation::clients_max(config, document);
    const node::link::ListenerLimits listener;
    needed.at_most = listener.silent + listener.speaking;
    if (config.is_exit()) {
        const io::ExitSocketLimits exit;
        needed.always += exit.places.places_max;
        needed.at_most += exit.attempts_max + 2 * exit.names.places_max;
    }
    needed.at_most += needed.always;
    return needed;
}

Finding descriptors(std::uint64_t limit, const DescriptorsNeeded& needed) {
    const auto seen = "the relay may open " + std::to_string(limit) + " files";
    const auto mend = "set LimitNOFILE=65536 in its unit, and restart the relay";
    if (limit < needed.always)
        return bad("descriptors", seen + " and needs " + std::to_string(needed.always), mend);
    if (limit < needed.at_most)
        return warn("descriptors",
                    seen + " and needs " + std::to_string(needed.at_most) +
                        " while strangers fill its places",
                    mend);
    return ok("descriptors", seen + ", at most " + std::to_string(needed.at_most) + " are needed");
}

std::uint64_t filter_bytes_max(const operation::RelayConfig& config,
                               const directory::Document& document) {
    const auto packets = operation::packets_per_key(config, document);
    return 2 * static_cast<std::uint64_t>(core::ReplayFilter::bytes_for(packets));
}

std::uint64_t locked_bytes_max(const operation::RelayConfig& config,
                               const directory::Document& document) {
    constexpr std::uint64_t pages_of_single_keys = 64 * 1024;
    return filter_bytes_max(config, document) + node::link::key_memory_size + pages_of_single_keys;
}

Finding memory_lock(const MemoryLock& lock, std::uint64_t needed) {
    const auto mend = "set LimitMEMLOCK=" + std::to_string((needed + mebibyte - 1) / mebibyte) +
                      "M in its unit" + (lock.swap ? ", or turn swap off" : "");
    if (lock.locked && *lock.locked)
        return ok("memory_lock", "keys and replay filters are locked in memory");
    if (lock.locked) {
        const std::string seen = "the relay cannot lock its keys and replay filters in memory";
        return lock.swap ? bad("memory_lock", seen + ", and there is swap", mend)
                         : warn("memory_lock", seen, mend);
    }
    if (lock.limit >= needed)
        return ok("memory_lock", "this user may lock enough memory, " + mebibytes(needed));
    return warn("memory_lock",
                "this user may lock " + mebibytes(lock.limit) +
                    " in memory here, and full replay " + "filters take " + mebibytes(needed),
                mend);
}

Finding speed(const Speed& speed) {
    const auto at_once = std::min(speed.workers, speed.cores);
    const auto power = speed.measured * at_once;
    const auto seen = std::to_string(at_once) + " workers at once unwrap " + std::to_string(power) +
                      " packets/s, and the relay is made for " + std::to_string(speed.needed);
    const auto mend = speed.workers < speed.cores
                          ? "raise `workers` to " + std::to_string(speed.cores)
                          : std::string{
                                "take a machine with more or faster cores, or lower "
                                "`packets_per_second`"};
    if (power < speed.needed) return bad("speed", seen, mend);
    // Links, delays and the exit's work need as much again.
    if (power < 2 * speed.needed) return warn("speed", seen, mend);
    return ok("speed", seen);
}

std::optional<Finding> traffic_month(std::optional<std::uint64_t> month, std::uint32_t announced,
                                     double loops) {
    if (!month) return std::nullopt;
    if (const auto fault = operation::month_fault(month, loops))
        return bad("traffic_month", fault->what, fault->mend);
    return ok("traffic_month", "the relay offers " + std::to_string(announced) +
                                   " packets/s, which take at most " +
                                   operation::traffic_text(*month) + " in a month");
}

Finding disk(const Room& room) {
    constexpr std::uint64_t full = 4 * mebibyte;
    constexpr std::uint64_t short_of = 128 * mebibyte;
    const auto folder = room.folder.string();
    if (room.read_only)
        return bad("disk", folder + " is on a file system that is mounted read-only",
                   "mount it writable, or set `data_dir` to a folder that is (in a container: a "
                   "volume)");
    if (room.free < full || room.files == 0)
        return bad("disk", folder + " is on a full disk, so no descriptor can be written",
                   "delete what is not needed there");
    const auto seen = folder + " has " + mebibytes(room.free) + " left";
    if (room.free < short_of) return warn("disk", seen, "delete what is not needed there");
    return ok("disk", seen);
}

Finding runtime_space(const Room& room, std::uint64_t needed) {
    const auto folder = room.folder.string();
    constexpr std::uint64_t full = 4 * mebibyte;
    const auto mend = "mount a tmpfs of " + mebibytes(needed + full) +
                      " or more there, or lower `packets_per_second`";
    if (room.free < full)
        return bad("runtime_space", folder + " is full, so no new key or replay filter can be made",
                   mend);
    const auto seen = folder + " is on a tmpfs of " + mebibytes(room.size);
    if (room.size < needed)
        return warn("runtime_space", seen + ", and full replay filters take " + mebibytes(needed),
                    mend);
    return ok("runtime_space", seen + ", " + mebibytes(needed) + " are needed");
}

}  // namespace nightjar::relay::doctor

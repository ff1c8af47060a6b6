#include "tests/lab/attacks/header_reads.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace nightjar::lab::attacks {
namespace {

/// The time from sending to the change, counted the other way: later packets have later stamps.
template <class Schedule>
std::optional<double> stamp_of(const Schedule& schedule) {
    if constexpr (requires { schedule.change_in_ms; })
        return -static_cast<double>(schedule.change_in_ms) / 1000;
    else
        return static_cast<double>(schedule.change_at);
}

/// When the pace changes, in seconds from the beginning. `sent`: the packet's sending, as far as it
/// is known. Empty if no change is pending.
template <class Schedule>
std::optional<double> change_of(const Schedule& schedule, double sent, double start) {
    if constexpr (requires { schedule.change_in_ms; }) {
        (void)start;
        return sent + static_cast<double>(schedule.change_in_ms) / 1000;
    } else {
        if (schedule.change_at == 0) return std::nullopt;
        return static_cast<double>(schedule.change_at) - start;
    }
}

double bytes_of_frames(const stream::UpHeader& header, base::ByteView message) {
    const auto frames = stream::frames_of(header, message);
    const auto end = std::find_if(frames.rbegin(), frames.rend(), [](auto byte) { return byte; });
    return static_cast<double>(frames.rend() - end);
}

}  // namespace

HeaderReader::HeaderReader(CrowdOptions& options) {
    options.on_sent = [this](const Plaintext& packet) {
        const auto header = stream::decode_up(packet.message);
        if (header) sent_[{header->session, header->number}] = packet.at;
    };
    options.on_exit = [this](const Plaintext& packet) { on_exit(packet); };
}

void HeaderReader::on_exit(const Plaintext& packet) {
    const auto header = stream::decode_up(packet.message);
    if (!header) return;
    const auto sent = sent_.find({header->session, header->number});
    if (sent == sent_.end()) return;  // it was sent before the recording began
    auto& session = sessions_[header->session];
    session.client = packet.client;
    session.exit = packet.exit;
    session.packets.push_back({{.at = packet.at,
                                .sent = sent->second,
                                .number = header->number,
                                .stamp = stamp_of(header->schedule),
                                .sequence = header->schedule.sequence,
                                .surbs = static_cast<double>(header->surb_count),
                                .frames = bytes_of_frames(*header, packet.message),
                                .acked = {}},
                               header->acks});
}

std::vector<SessionRead> HeaderReader::sessions() {
    std::vector<SessionRead> read;
    for (auto& [id, raws] : sessions_) {
        auto& session = read.emplace_back(SessionRead{raws.client, raws.exit, {}});
        std::sort(raws.packets.begin(), raws.packets.end(), [](const Raw& a, const Raw& b) {
            const auto place = [](const Raw& raw) {
                return std::pair{(raw.read.number - 1) / number_block, raw.read.at};
            };
            return place(a) < place(b);
        });
        std::set<stream::PacketNumber> acked;
        const auto acknowledge = [&](Raw& raw, stream::PacketNumber number) {
            if (acked.insert(number).second) raw.read.acked.push_back(number);
        };
        for (auto& raw : raws.packets) {
            for (stream::PacketNumber i = 0; i < stream::ack_window; ++i)
                if (raw.acks.below[i] && raw.acks.largest > i + 1)
                    acknowledge(raw, raw.acks.largest - 1 - i);
            if (raw.acks.largest > 0) acknowledge(raw, raw.acks.largest);
            session.packets.push_back(std::move(raw.read));
        }
    }
    sessions_.clear();
    sent_.clear();
    return read;
}

ChangeReader::ChangeReader(CrowdOptions& options)
    : start_{base::to_seconds(options.network.start.time_since_epoch())} {
    options.on_sent = [this](const Plaintext& packet) {
        const auto header = stream::decode_up(packet.message);
        if (!header) return;
        auto& known = known_[header->session];
        const auto& schedule = header->schedule;
        if (known.sequence && schedule.sequence <= *known.sequence) return;
        if (!known.sequence) known.session.middle = packet.middle;
        known.session.client = packet.client;
        known.session.exit = packet.exit;
        const auto at = change_of(schedule, packet.at, start_);
        if (!at) return;
        known.sequence = schedule.sequence;
        known.session.changes.push_back(
            {*at, schedule.pace_milli / 1000.0, schedule.next_pace_milli / 1000.0});
    };
}

std::vector<SessionChanges> ChangeReader::sessions() const {
    std::vector<SessionChanges> all;
    for (const auto& [id, known] : known_)
        all.push_back(known.session);
    return all;
}

}  // namespace nightjar::lab::attacks

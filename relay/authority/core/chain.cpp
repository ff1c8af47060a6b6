#include "relay/authority/core/chain.hpp"

#include "sphinx/base/codec.hpp"

namespace nightjar::relay::authority::core {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t commitment_size = 32 + 32 + 64;
constexpr std::size_t record_size = 32 + 4 + 4 + 1;

bool take_commitments(base::Reader& reader, std::vector<Commitment>& commitments) {
    const std::size_t count = reader.u8();
    if (count > authorities_max) return false;
    for (std::size_t i = 0; i < count; ++i) {
        Commitment commitment;
        read(reader, commitment);
        if (!commitments.empty() && !(commitments.back().authority < commitment.authority))
            return false;
        commitments.push_back(commitment);
    }
    return reader.ok();
}

bool take_roster(base::Reader& reader, Roster& roster) {
    const std::size_t count = reader.u16();
    for (std::size_t i = 0; i < count && reader.ok(); ++i) {
        RelayRecord record;
        reader.into(record.identity.bytes);
        record.since.value = reader.u32();
        record.last.value = reader.u32();
        record.layer = reader.u8();
        if (record.layer > directory::layers_max || record.last < record.since) return false;
        if (!roster.empty() && !(roster.back().identity < record.identity)) return false;
        roster.push_back(record);
    }
    return reader.ok();
}

}  // namespace

base::Bytes encode(const Chain& chain) {
    base::Bytes bytes(1 + 32 + 4 + 1 + chain.commitments.size() * commitment_size + 2 +
                      chain.roster.size() * record_size);
    base::Writer writer{bytes};
    writer.u8(version);
    writer.bytes(chain.last.bytes);
    writer.u32(chain.epoch.value);
    writer.u8(static_cast<std::uint8_t>(chain.commitments.size()));
    for (const auto& commitment : chain.commitments) {
        write(writer, commitment);
    }
    writer.u16(static_cast<std::uint16_t>(chain.roster.size()));
    for (const auto& record : chain.roster) {
        writer.bytes(record.identity.bytes);
        writer.u32(record.since.value);
        writer.u32(record.last.value);
        writer.u8(record.layer);
    }
    return bytes;
}

std::optional<Chain> parse_chain(base::ByteView bytes) {
    base::Reader reader{bytes};
    Chain chain;
    if (reader.u8() != version) return std::nullopt;
    reader.into(chain.last.bytes);
    chain.epoch.value = reader.u32();
    if (!take_commitments(reader, chain.commitments) || !take_roster(reader, chain.roster) ||
        !reader.finished())
        return std::nullopt;
    return chain;
}

}  // namespace nightjar::relay::authority::core

#include "relay/authority/core/epoch_value.hpp"

#include <algorithm>

#include "sphinx/base/codec.hpp"

namespace nightjar::relay::authority::core {

namespace {

constexpr std::uint8_t version = 1;

template <class Item>
bool sorted_by_authority(const std::vector<Item>& items) {
    for (std::size_t i = 1; i < items.size(); ++i)
        if (!(items[i - 1].authority < items[i].authority)) return false;
    return true;
}

bool take_reveals(base::Reader& reader, std::vector<Reveal>& reveals) {
    reveals.resize(std::min<std::size_t>(reader.u8(), authorities_max + 1));
    for (auto& reveal : reveals) {
        reader.into(reveal.authority.bytes);
        reader.into(reveal.secret);
    }
    return reveals.size() <= authorities_max && sorted_by_authority(reveals);
}

bool take_commitments(base::Reader& reader, std::vector<Commitment>& commitments) {
    commitments.resize(std::min<std::size_t>(reader.u8(), authorities_max + 1));
    for (auto& commitment : commitments) {
        reader.into(commitment.authority.bytes);
        reader.into(commitment.hash);
        reader.into(commitment.signature);
    }
    return commitments.size() <= authorities_max && sorted_by_authority(commitments);
}

bool take_descriptors(base::Reader& reader, std::vector<std::string>& descriptors) {
    const std::size_t count = reader.u16();
    if (count > descriptors_max) return false;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t size = reader.u16();
        if (size == 0 || size > directory::descriptor_size_max) return false;
        std::string text{base::as_text(reader.bytes(size))};
        if (!reader.ok() || (!descriptors.empty() && text <= descriptors.back())) return false;
        descriptors.push_back(std::move(text));
    }
    return true;
}

}  // namespace

base::Bytes encode(const EpochValue& value) {
    auto size = 1 + 4 + 32 + 1 + value.reveals.size() * 64 + 1 + value.commitments.size() * 128 + 2;
    for (const auto& text : value.descriptors)
        size += 2 + text.size();
    base::Bytes bytes(size);
    base::Writer writer{bytes};
    writer.u8(version);
    writer.u32(value.epoch.value);
    writer.bytes(value.previous.bytes);
    writer.u8(static_cast<std::uint8_t>(value.reveals.size()));
    for (const auto& reveal : value.reveals) {
        writer.bytes(reveal.authority.bytes);
        writer.bytes(reveal.secret);
    }
    writer.u8(static_cast<std::uint8_t>(value.commitments.size()));
    for (const auto& commitment : value.commitments) {
        writer.bytes(commitment.authority.bytes);
        writer.bytes(commitment.hash);
        writer.bytes(commitment.signature);
    }
    writer.u16(static_cast<std::uint16_t>(value.descriptors.size()));
    for (const auto& text : value.descriptors) {
        writer.u16(static_cast<std::uint16_t>(text.size()));
        writer.bytes(base::as_bytes(text));
    }
    return bytes;
}

std::optional<EpochValue> parse_epoch_value(base::ByteView bytes) {
    if (bytes.size() > value_size_max) return std::nullopt;
    base::Reader reader{bytes};
    EpochValue value;
    if (reader.u8() != version) return std::nullopt;
    value.epoch.value = reader.u32();
    reader.into(value.previous.bytes);
    if (!take_reveals(reader, value.reveals) || !take_commitments(reader, value.commitments) ||
        !take_descriptors(reader, value.descriptors) || !reader.finished())
        return std::nullopt;
    return value;
}

}  // namespace nightjar::relay::authority::core

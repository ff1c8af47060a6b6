#include "relay/authority/core/epoch_value.hpp"

#include <algorithm>
#include <map>
#include <set>

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
        read(reader, reveal);
    }
    return reveals.size() <= authorities_max && sorted_by_authority(reveals);
}

bool take_commitments(base::Reader& reader, std::vector<Commitment>& commitments) {
    commitments.resize(std::min<std::size_t>(reader.u8(), authorities_max + 1));
    for (auto& commitment : commitments) {
        read(reader, commitment);
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

/// Their hashes, in their order; nullopt if it is not that of the hashes.
std::optional<std::vector<ValueId>> take_lists(base::Reader& reader,
                                               std::vector<Admissions>& lists) {
    const std::size_t count = reader.u8();
    std::vector<ValueId> ids;
    if (count > authorities_max) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
        const auto bytes = reader.bytes(reader.u32());
        auto list = parse_admissions(bytes);
        const auto id = value_id(bytes);
        if (!list || (!ids.empty() && !(ids.back() < id))) return std::nullopt;
        lists.push_back(*std::move(list));
        ids.push_back(id);
    }
    return ids;
}

bool take_listings(base::Reader& reader, const std::vector<ValueId>& lists,
                   std::vector<Listing>& listings) {
    std::set<ValueId> named;
    listings.resize(std::min<std::size_t>(reader.u8(), authorities_max + 1));
    for (auto& listing : listings) {
        reader.into(listing.authority.bytes);
        listing.made = reader.u64();
        const std::size_t place = reader.u8();
        reader.into(listing.signature);
        if (place >= lists.size()) return false;
        listing.list = lists[place];
        named.insert(listing.list);
    }
    return listings.size() <= authorities_max && sorted_by_authority(listings) &&
           named.size() == lists.size();
}

}  // namespace

base::Bytes encode(const EpochValue& value) {
    auto size = 1 + 4 + 32 + 1 + value.reveals.size() * 64 + 1 + value.commitments.size() * 128 + 2;
    for (const auto& text : value.descriptors)
        size += 2 + text.size();
    std::vector<base::Bytes> lists;
    std::map<ValueId, std::uint8_t> places;
    for (const auto& list : value.lists) {
        lists.push_back(encode(list));
        places.emplace(value_id(lists.back()), static_cast<std::uint8_t>(places.size()));
        size += 4 + lists.back().size();
    }
    size += 1 + 1 + value.listings.size() * (32 + 8 + 1 + 64);
    base::Bytes bytes(size);
    base::Writer writer{bytes};
    writer.u8(version);
    writer.u32(value.epoch.value);
    writer.bytes(value.previous.bytes);
    writer.u8(static_cast<std::uint8_t>(value.reveals.size()));
    for (const auto& reveal : value.reveals) {
        write(writer, reveal);
    }
    writer.u8(static_cast<std::uint8_t>(value.commitments.size()));
    for (const auto& commitment : value.commitments) {
        write(writer, commitment);
    }
    writer.u16(static_cast<std::uint16_t>(value.descriptors.size()));
    for (const auto& text : value.descriptors) {
        writer.u16(static_cast<std::uint16_t>(text.size()));
        writer.bytes(base::as_bytes(text));
    }
    writer.u8(static_cast<std::uint8_t>(lists.size()));
    for (const auto& list : lists) {
        writer.u32(static_cast<std::uint32_t>(list.size()));
        writer.bytes(list);
    }
    writer.u8(static_cast<std::uint8_t>(value.listings.size()));
    for (const auto& listing : value.listings) {
        writer.bytes(listing.authority.bytes);
        writer.u64(listing.made);
        writer.u8(places.at(listing.list));
        writer.bytes(listing.signature);
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
        !take_descriptors(reader, value.descriptors))
        return std::nullopt;
    const auto lists = take_lists(reader, value.lists);
    if (!lists || !take_listings(reader, *lists, value.listings) || !reader.finished())
        return std::nullopt;
    return value;
}

}  // namespace nightjar::relay::authority::core

#include "sphinx/stream/name_records.hpp"

#include <cassert>

#include "sphinx/base/codec.hpp"
#include "sphinx/base/host_name.hpp"

namespace nightjar::stream {

namespace {

constexpr std::uint8_t kind_name = 1, kind_v4 = 4, kind_v6 = 6;

std::size_t record_size(const NameRecord& record) {
    if (const auto* name = std::get_if<std::string>(&record.value)) return 4 + 1 + 1 + name->size();
    return 4u + 1u + static_cast<std::size_t>(std::get<base::IpAddress>(record.value).bits()) / 8;
}

std::optional<NameRecord> read_record(base::Reader& reader) {
    NameRecord record;
    record.ttl = reader.u32();
    const auto kind = reader.u8();
    if (kind == kind_name) {
        record.value = std::string{base::as_text(reader.bytes(reader.u8()))};
        if (!base::is_host_name(std::get<std::string>(record.value))) return std::nullopt;
    } else if (kind == kind_v4 || kind == kind_v6) {
        base::IpAddress address;
        address.v6 = kind == kind_v6;
        reader.into(base::ByteSpan{address.bytes}.first(address.v6 ? 16 : 4));
        record.value = address;
    } else {
        return std::nullopt;
    }
    if (!reader.ok()) return std::nullopt;
    return record;
}

}  // namespace

base::Bytes encode(std::span<const NameRecord> records) {
    assert(records.size() <= records_max);
    std::size_t size = 0;
    for (const auto& record : records)
        size += record_size(record);
    base::Bytes bytes(size);
    base::Writer writer{bytes};
    for (const auto& record : records) {
        writer.u32(record.ttl);
        if (const auto* name = std::get_if<std::string>(&record.value)) {
            assert(base::is_host_name(*name));
            writer.u8(kind_name);
            writer.u8(static_cast<std::uint8_t>(name->size()));
            writer.bytes(base::as_bytes(*name));
        } else {
            const auto& address = std::get<base::IpAddress>(record.value);
            writer.u8(address.v6 ? kind_v6 : kind_v4);
            writer.bytes(base::ByteView{address.bytes}.first(address.v6 ? 16 : 4));
        }
    }
    assert(writer.ok() && writer.remaining() == 0);
    return bytes;
}

std::optional<std::vector<NameRecord>> decode_records(base::ByteView bytes) {
    std::vector<NameRecord> records;
    base::Reader reader{bytes};
    while (reader.remaining() > 0) {
        auto record = read_record(reader);
        if (!record || records.size() == records_max) return std::nullopt;
        records.push_back(std::move(*record));
    }
    if (records.empty()) return std::nullopt;
    return records;
}

}  // namespace nightjar::stream

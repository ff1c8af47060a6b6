#include "relay/authority/core/bundle.hpp"

#include "sphinx/base/codec.hpp"
#include "sphinx/directory/descriptor.hpp"

namespace nightjar::relay::authority::core {

namespace {

constexpr std::uint8_t version = 1;

// The first byte of an item is its place in the variant. Its length follows in two bytes.
constexpr std::size_t item_size_max = 3 + directory::descriptor_size_max;
static_assert(certificate_size_max <= directory::descriptor_size_max);

void put(base::Writer& writer, const Message& message) {
    writer.bytes(encode(message));
}
void put(base::Writer& writer, const Certificate& certificate) {
    writer.bytes(encode(certificate));
}
void put(base::Writer& writer, const SentCommitment& sent) {
    writer.u32(sent.epoch.value);
    write(writer, sent.commitment);
}
void put(base::Writer& writer, const SentReveal& sent) {
    writer.u32(sent.epoch.value);
    write(writer, sent.reveal);
}
void put(base::Writer& writer, const SentListing& sent) {
    writer.u32(sent.epoch.value);
    writer.bytes(sent.listing.authority.bytes);
    writer.u64(sent.listing.made);
    writer.bytes(sent.listing.list.bytes);
    writer.bytes(sent.listing.signature);
}
void put(base::Writer& writer, const SentSignature& sent) {
    writer.u32(sent.epoch.value);
    writer.bytes(sent.signature.authority.bytes);
    writer.bytes(sent.signature.signature);
}
void put(base::Writer& writer, const DescriptorsHash& sent) {
    writer.u32(sent.epoch.value);
    writer.bytes(sent.hash.bytes);
}
void put(base::Writer& writer, const SentDescriptor& sent) {
    writer.bytes(base::as_bytes(sent.text));
}

SentCommitment take_commitment(base::Reader& reader) {
    SentCommitment sent;
    sent.epoch.value = reader.u32();
    read(reader, sent.commitment);
    return sent;
}
SentReveal take_reveal(base::Reader& reader) {
    SentReveal sent;
    sent.epoch.value = reader.u32();
    read(reader, sent.reveal);
    return sent;
}
SentListing take_listing(base::Reader& reader) {
    SentListing sent;
    sent.epoch.value = reader.u32();
    reader.into(sent.listing.authority.bytes);
    sent.listing.made = reader.u64();
    reader.into(sent.listing.list.bytes);
    reader.into(sent.listing.signature);
    return sent;
}
SentSignature take_signature(base::Reader& reader) {
    SentSignature sent;
    sent.epoch.value = reader.u32();
    reader.into(sent.signature.authority.bytes);
    reader.into(sent.signature.signature);
    return sent;
}
DescriptorsHash take_hash(base::Reader& reader) {
    DescriptorsHash sent;
    sent.epoch.value = reader.u32();
    reader.into(sent.hash.bytes);
    return sent;
}

template <class Item>
std::optional<BundleItem> item_of(std::optional<Item> parsed) {
    if (!parsed) return std::nullopt;
    return BundleItem{*std::move(parsed)};
}

/// An item that is read whole, without more behind it.
template <class Read>
std::optional<BundleItem> whole(base::ByteView bytes, const Read& read) {
    base::Reader reader{bytes};
    auto item = read(reader);
    if (!reader.finished()) return std::nullopt;
    return BundleItem{std::move(item)};
}

std::optional<BundleItem> parse_item(std::uint8_t kind, base::ByteView bytes) {
    switch (kind) {
        case 0:
            return item_of(parse_message(bytes));
        case 1:
            return item_of(parse_certificate(bytes));
        case 2:
            return whole(bytes, take_commitment);
        case 3:
            return whole(bytes, take_reveal);
        case 4:
            return whole(bytes, take_listing);
        case 5:
            return whole(bytes, take_signature);
        case 6:
            return whole(bytes, take_hash);
        case 7:
            return BundleItem{SentDescriptor{std::string{base::as_text(bytes)}}};
        default:
            return std::nullopt;
    }
}

}  // namespace

base::Bytes encode(const Bundle& bundle, std::size_t size_max) {
    base::Bytes bytes{version};
    base::Bytes room(item_size_max);
    for (const auto& item : bundle) {
        base::Writer content{base::ByteSpan{room}.subspan(3)};
        std::visit([&content](const auto& each) { put(content, each); }, item);
        base::Writer head{room};
        head.u8(static_cast<std::uint8_t>(item.index()));
        head.u16(static_cast<std::uint16_t>(content.written()));
        const auto size = 3 + content.written();
        if (!content.ok() || bytes.size() + size > size_max) break;
        bytes.insert(bytes.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return bytes;
}

std::optional<Bundle> parse_bundle(base::ByteView bytes, std::size_t size_max) {
    if (bytes.size() > size_max) return std::nullopt;
    base::Reader reader{bytes};
    if (reader.u8() != version) return std::nullopt;
    Bundle bundle;
    while (reader.ok() && reader.remaining() > 0) {
        const auto kind = reader.u8();
        const std::size_t size = reader.u16();
        const auto content = reader.bytes(size);
        if (!reader.ok() || size > directory::descriptor_size_max) return std::nullopt;
        auto item = parse_item(kind, content);
        if (!item) return std::nullopt;
        if (bundle.size() == items_max) return std::nullopt;
        bundle.push_back(*std::move(item));
    }
    if (!reader.finished()) return std::nullopt;
    return bundle;
}

}  // namespace nightjar::relay::authority::core

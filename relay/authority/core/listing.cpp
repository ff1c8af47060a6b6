#include "relay/authority/core/listing.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "sphinx/base/codec.hpp"
#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/directory/signature.hpp"

namespace nightjar::relay::authority::core {

namespace {

constexpr std::uint8_t version = 2;

void put_word(base::Writer& writer, const std::string& word) {
    writer.u8(static_cast<std::uint8_t>(word.size()));
    writer.bytes(base::as_bytes(word));
}

std::string take_word(base::Reader& reader) {
    return std::string{base::as_text(reader.bytes(reader.u8()))};
}

bool is_sound(const Admission& admission) {
    if (admission.standing != Standing::admitted)
        return admission.operator_name.empty() && admission.family.empty() &&
               admission.capacity == 1 &&
               admission.unreachable == (admission.standing == Standing::unlisted);
    return directory::is_word(admission.operator_name) &&
           (admission.family.empty() || directory::is_word(admission.family)) &&
           admission.capacity >= 1 && admission.capacity <= directory::capacity_max;
}

/// Its first line differs from that of everything else that is signed.
std::string signed_part(const Listing& listing, const Council& council, base::Epoch epoch) {
    std::string text;
    directory::put_field(text, "nightjar-listing", 1);
    directory::put_field(text, "network-id", base::to_hex(council.network.bytes));
    directory::put_field(text, "epoch", epoch.value);
    directory::put_field(text, "made", listing.made);
    directory::put_field(text, "list", base::to_hex(listing.list.bytes));
    return text;
}

}  // namespace

base::Bytes encode(const Admissions& list) {
    base::Bytes bytes(list_size_max);
    base::Writer writer{bytes};
    writer.u8(version);
    writer.u16(static_cast<std::uint16_t>(list.size()));
    for (const auto& admission : list) {
        writer.bytes(admission.identity.bytes);
        put_word(writer, admission.operator_name);
        put_word(writer, admission.family);
        writer.u32(admission.capacity);
        writer.u8(static_cast<std::uint8_t>((admission.unreachable ? 1u : 0u) +
                                            2u * static_cast<unsigned>(admission.standing)));
    }
    bytes.resize(writer.written());
    return bytes;
}

const Admission* find(const Admissions& list, const base::NodeId& relay) {
    const auto found =
        std::lower_bound(list.begin(), list.end(), relay,
                         [](const Admission& each, const auto& id) { return each.identity < id; });
    return found != list.end() && found->identity == relay ? &*found : nullptr;
}

bool is_admitted(const Admissions& list, const base::NodeId& relay) {
    const auto* said = find(list, relay);
    return said != nullptr && said->standing == Standing::admitted;
}

std::optional<Admissions> parse_admissions(base::ByteView bytes) {
    base::Reader reader{bytes};
    if (reader.u8() != version) return std::nullopt;
    const std::size_t count = reader.u16();
    if (count > admissions_max) return std::nullopt;
    Admissions list;
    for (std::size_t i = 0; i < count; ++i) {
        Admission admission;
        reader.into(admission.identity.bytes);
        admission.operator_name = take_word(reader);
        admission.family = take_word(reader);
        admission.capacity = reader.u32();
        const auto flags = reader.u8();
        if (!reader.ok() || flags / 2 > static_cast<unsigned>(Standing::unlisted))
            return std::nullopt;
        admission.unreachable = flags % 2 == 1;
        admission.standing = static_cast<Standing>(flags / 2);
        if (!is_sound(admission)) return std::nullopt;
        if (!list.empty() && !(list.back().identity < admission.identity)) return std::nullopt;
        list.push_back(std::move(admission));
    }
    if (!reader.finished()) return std::nullopt;
    return list;
}

Listing make_listing(const Council& council, base::Epoch epoch, std::uint64_t made,
                     const ValueId& list, const base::Secret<32>& seed) {
    Listing listing{{}, made, list, {}};
    const auto signature = directory::sign_text(signed_part(listing, council, epoch), seed);
    listing.authority = signature.authority;
    listing.signature = signature.signature;
    return listing;
}

bool verifies(const Listing& listing, const Council& council, base::Epoch epoch) {
    return council.index_of(listing.authority) &&
           directory::verifies(signed_part(listing, council, epoch),
                               {listing.authority, listing.signature});
}

Admissions combine(const std::vector<Admissions>& lists, std::size_t quorum) {
    // What is said about a relay, and the capacities of those that say it.
    std::map<std::tuple<base::NodeId, std::string, std::string>, std::vector<std::uint32_t>> said;
    std::map<base::NodeId, std::size_t> unreachable;
    std::map<base::NodeId, std::size_t> expelled;
    for (const auto& list : lists)
        for (const auto& each : list) {
            if (each.standing == Standing::admitted)
                said[{each.identity, each.operator_name, each.family}].push_back(each.capacity);
            if (each.standing == Standing::expelled) ++expelled[each.identity];
            if (each.unreachable) ++unreachable[each.identity];
        }
    Admissions admitted;
    for (auto& [what, capacities] : said) {
        if (2 * capacities.size() <= lists.size()) continue;
        std::sort(capacities.begin(), capacities.end());
        const auto& [identity, operator_name, family] = what;
        admitted.push_back({identity, operator_name, family,
                            capacities[(capacities.size() - 1) / 2],
                            unreachable[identity] >= quorum});
    }
    std::erase_if(expelled, [&](const auto& entry) { return 2 * entry.second <= lists.size(); });
    for (const auto& [identity, count] : expelled)
        admitted.push_back({identity, {}, {}, 1, false, Standing::expelled});
    std::set<base::NodeId> judged;
    for (const auto& each : admitted)
        judged.insert(each.identity);
    for (const auto& [identity, count] : unreachable)
        if (count >= quorum && !judged.contains(identity))
            admitted.push_back({identity, {}, {}, 1, true, Standing::unlisted});
    std::sort(admitted.begin(), admitted.end(),
              [](const auto& a, const auto& b) { return a.identity < b.identity; });
    return admitted;
}

}  // namespace nightjar::relay::authority::core

#include "client/protocol/dns_message.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include "client/protocol/destination.hpp"
#include "sphinx/base/address.hpp"
#include "sphinx/base/codec.hpp"

namespace nightjar::client::protocol::dns {

namespace {

constexpr std::size_t header_size = 12;
constexpr std::uint16_t class_in = 1;
constexpr std::size_t label_max = 63, name_max = 255;
constexpr std::uint16_t flag_response = 0x8000, flag_truncated = 0x0200;
constexpr std::uint16_t flag_recursion_desired = 0x0100, flag_recursion_available = 0x0080;
constexpr std::uint16_t opcode_mask = 0x7800;
constexpr std::uint16_t name_of_the_question = 0xc000 | header_size;  // a pointer to it

void put_u16(base::Bytes& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put_u32(base::Bytes& out, std::uint32_t value) {
    put_u16(out, value >> 16);
    put_u16(out, value & 0xffff);
}

/// A header, then the question if there is one.
base::Bytes begin(std::uint16_t id, bool recursion_desired, Code code, base::ByteView section) {
    base::Bytes out;
    out.reserve(header_size + section.size());
    put_u16(out, id);
    put_u16(out, flag_response | flag_recursion_available | static_cast<unsigned>(code) |
                     (recursion_desired ? flag_recursion_desired : 0u));
    put_u16(out, section.empty() ? 0 : 1);
    for (int i = 0; i < 3; ++i)
        put_u16(out, 0);
    out.insert(out.end(), section.begin(), section.end());
    return out;
}

/// The labels of a name joined by dots, in lower case. A question has no compressed name.
std::optional<std::string> read_name(base::Reader& reader) {
    std::string name;
    for (std::size_t size = 1;;) {
        const std::size_t length = reader.u8();
        if (!reader.ok() || length > label_max) return std::nullopt;
        if (length == 0) return name;
        size += length + 1;
        const auto label = reader.bytes(length);
        if (!reader.ok() || size > name_max) return std::nullopt;
        // A dot in a label would make it look like two.
        if (std::ranges::find(label, '.') != label.end()) return std::nullopt;
        if (!name.empty()) name += '.';
        for (const auto c : label)
            name += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
}

/// The label behind the last dot, which is removed with it.
std::string_view take_last(std::string_view& name) {
    const auto dot = name.rfind('.');
    const auto label = dot == std::string_view::npos ? name : name.substr(dot + 1);
    name = name.substr(0, dot == std::string_view::npos ? 0 : dot);
    return label;
}

std::optional<std::uint8_t> number(std::string_view digits, int base) {
    std::uint8_t value = 0;
    const auto end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value, base);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    return value;
}

/// The address that a name below in-addr.arpa or ip6.arpa stands for.
std::optional<base::IpAddress> address_of(std::string_view name) {
    constexpr std::string_view v4 = ".in-addr.arpa", v6 = ".ip6.arpa";
    base::IpAddress address;
    address.v6 = name.ends_with(v6);
    if (!address.v6 && !name.ends_with(v4)) return std::nullopt;
    name.remove_suffix(address.v6 ? v6.size() : v4.size());
    for (std::size_t i = 0; i < (address.v6 ? 32u : 4u); ++i) {
        const auto label = take_last(name);
        const auto value = number(label, address.v6 ? 16 : 10);
        if (!value || (address.v6 && label.size() != 1)) return std::nullopt;
        auto& byte = address.bytes[address.v6 ? i / 2 : i];
        byte = static_cast<std::uint8_t>(address.v6 ? byte << 4 | *value : *value);
    }
    if (!name.empty()) return std::nullopt;
    return address;
}

/// Sets what the exit is asked. False if there is no such name, or if no exit may be asked for it.
bool read_subject(Question& question, std::string name, bool private_targets) {
    if (question.type == Type::ptr) {
        question.address = address_of(name);
        return question.address && (private_targets || base::is_public(*question.address));
    }
    const auto destination = destination_of(std::string_view{name});
    if (!destination || (!destination->is_public && !private_targets)) return false;
    if (base::IpAddress::parse(name)) return false;  // no name server knows a name like this
    question.name = std::move(name);
    return true;
}

/// The name that a host name has in a record.
void put_name(base::Bytes& out, std::string_view name) {
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        if (label.empty()) break;  // the dot at the end
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
        name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    out.push_back(0);
}

/// The data of a record for this question; empty if it is of another type, or of no use.
base::Bytes data_of(const Question& question, const stream::NameRecord& record,
                    bool private_targets) {
    base::Bytes data;
    if (const auto* address = std::get_if<base::IpAddress>(&record.value)) {
        const bool wanted = question.type == (address->v6 ? Type::aaaa : Type::a);
        if (!wanted || (!private_targets && !base::is_public(*address))) return {};
        data.assign(address->bytes.begin(), address->bytes.begin() + address->bits() / 8);
    } else if (question.type == Type::ptr) {
        put_name(data, std::get<std::string>(record.value));
    }
    return data;
}

}  // namespace

Query read_query(base::ByteView message, bool private_targets) {
    base::Reader reader{message};
    Question question;
    question.id = reader.u16();
    const auto flags = reader.u16();
    const auto questions = reader.u16(), answers = reader.u16(), authorities = reader.u16();
    reader.u16();  // additional records, such as EDNS
    // A response gets no answer: two servers could answer each other for ever.
    if (!reader.ok() || (flags & flag_response) != 0) return {};
    question.recursion_desired = (flags & flag_recursion_desired) != 0;
    const auto refuse = [&question](Code code) { return Query{{}, failure(question, code)}; };
    if ((flags & opcode_mask) != 0) return refuse(Code::not_implemented);
    const bool one = questions == 1 && answers == 0 && authorities == 0;
    if (!one || message.size() > query_max) return refuse(Code::malformed);
    auto name = read_name(reader);
    const auto type = reader.u16(), klass = reader.u16();
    if (!name || !reader.ok()) return refuse(Code::malformed);
    const auto section =
        message.subspan(header_size, message.size() - header_size - reader.remaining());
    question.section.assign(section.begin(), section.end());
    question.type = static_cast<Type>(type);
    constexpr std::array known{Type::a, Type::aaaa, Type::ptr};
    if (klass != class_in || std::ranges::find(known, question.type) == known.end())
        return refuse(Code::not_implemented);
    if (!read_subject(question, std::move(*name), private_targets))
        return refuse(Code::no_such_name);
    return {std::move(question), {}};
}

base::Bytes answer(const Question& question, std::span<const stream::NameRecord> records,
                   bool private_targets, std::size_t most) {
    assert(most >= udp_answer_max);
    auto out = begin(question.id, question.recursion_desired, Code::no_error, question.section);
    unsigned count = 0;
    for (const auto& record : records) {
        const auto data = data_of(question, record, private_targets);
        if (data.empty()) continue;
        if (out.size() + 12 + data.size() > most) {
            out[2] |= flag_truncated >> 8;
            break;
        }
        put_u16(out, name_of_the_question);
        put_u16(out, static_cast<unsigned>(question.type));
        put_u16(out, class_in);
        put_u32(out, std::min(record.ttl, ttl_max));
        put_u16(out, static_cast<unsigned>(data.size()));
        out.insert(out.end(), data.begin(), data.end());
        ++count;
    }
    out[7] = static_cast<std::uint8_t>(count);  // at most stream::records_max
    return out;
}

base::Bytes failure(const Question& question, Code code) {
    return begin(question.id, question.recursion_desired, code, question.section);
}

Code code_for(socks5::Reply reply) {
    using socks5::Reply;
    switch (reply) {
        case Reply::unresolved:
        case Reply::host_unreachable:
            return Code::no_such_name;
        case Reply::not_allowed:
        case Reply::refused_by_exit:
            return Code::refused;
        case Reply::succeeded:
        case Reply::general_failure:
        case Reply::network_unreachable:
        case Reply::connection_refused:
        case Reply::ttl_expired:
        case Reply::command_not_supported:
        case Reply::address_type_not_supported:
        case Reply::overloaded:
        case Reply::no_session:
        case Reply::session_ended:
            return Code::server_failure;
    }
    return Code::server_failure;
}

}  // namespace nightjar::client::protocol::dns

// DNS questions that the client answers through its exit, and the answers (RFC 1035): A, AAAA and
// PTR. Pure formats: no state, any thread.
//
// EDNS and everything else behind the question is ignored. A name server of this kind has no zones,
// keeps nothing, and never asks another one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "client/protocol/socks5.hpp"
#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ip.hpp"
#include "sphinx/stream/mux.hpp"
#include "sphinx/stream/name_records.hpp"

namespace nightjar::client::protocol::dns {

/// A query that is longer is malformed. It has one name of at most 255 bytes.
inline constexpr std::size_t query_max = 1232;
/// The longest answer over UDP to a client without EDNS.
inline constexpr std::size_t udp_answer_max = 512;
inline constexpr std::size_t tcp_answer_max = 65535;
/// Answers say no longer lifetime than this, in seconds.
inline constexpr std::uint32_t ttl_max = 3600;

/// RFC 1035's RCODE.
enum class Code : std::uint8_t {
    no_error = 0,
    malformed = 1,
    server_failure = 2,
    no_such_name = 3,
    not_implemented = 4,
    refused = 5,
};

enum class Type : std::uint16_t { a = 1, ptr = 12, aaaa = 28 };

struct Question {
    std::uint16_t id = 0;
    bool recursion_desired = false;
    base::Bytes section;  // the question as it came: an answer repeats it, spelling included
    Type type = Type::a;
    std::string name;                        // of A and AAAA: a host name
    std::optional<base::IpAddress> address;  // of PTR

    /// What an exit is asked.
    stream::Target target() const { return {address ? address->to_text() : name, 0}; }
};

/// What becomes of a query: a question for an exit, or an answer at once, or neither: then there is
/// no answer.
struct Query {
    std::optional<Question> question;
    base::Bytes answer;
};

Query read_query(base::ByteView message, bool private_targets);

/// An answer of at most `most` bytes. Records of other types are left out, and so are addresses
/// that are not public unless `private_targets`. If not all fit, the answer says that it is
/// truncated. Precondition: most >= udp_answer_max.
base::Bytes answer(const Question& question, std::span<const stream::NameRecord> records,
                   bool private_targets, std::size_t most);
base::Bytes failure(const Question& question, Code code);
/// The code for a lookup that failed.
Code code_for(socks5::Reply reply);

}  // namespace nightjar::client::protocol::dns

// The name in a DNS question, against forged answers. The letters of a name are sent in random case
// (draft-vixie-dnsext-dns0x20-00). An answer repeats the question byte for byte, so an attacker who
// does not see the question must guess the case as well. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/random.hpp"

namespace nightjar::relay::io {

/// The same name, each letter in a random case.
std::string mixed_case(std::string_view name, base::Random& random);

/// True if the message's first question names `name`, with the case of each letter. `name` is a
/// host name (base::is_host_name) or a reverse_name().
bool repeats(std::span<const std::uint8_t> message, std::string_view name);

/// The name whose PTR record names an address: RFC 1035, section 3.5, and RFC 3596, section 2.5.
std::string reverse_name(const base::IpAddress& address);

}  // namespace nightjar::relay::io

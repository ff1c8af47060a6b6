// What `nightjar-relay doctor` has found: one thing that it looked at, how it is, and the mend.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nightjar::relay::doctor {

/// `warn`: the relay works, but worse or less safely than it could. `bad`: it does not work, or its
/// users are at risk.
enum class Health : std::uint8_t { ok, warn, bad };

struct Finding {
    std::string name;  // a-z and _; programs and docs/operating.md go by it
    Health health = Health::ok;
    std::string seen;  // a clause for the operator
    std::string mend;  // a clause; empty if all is well
};
using Findings = std::vector<Finding>;

Finding ok(std::string name, std::string seen);
Finding warn(std::string name, std::string seen, std::string mend);
Finding bad(std::string name, std::string seen, std::string mend);

/// A finding from the line of a start-up error, "what is wrong; how to mend it".
Finding from_error(std::string name, Health health, std::string_view line);

Health worst(std::span<const Finding> findings);

/// One line of JSON, without the line feed: docs/schemas/doctor.json.
std::string to_json(std::span<const Finding> findings);
/// A text for people: what is bad first, then warnings, then what is well. What came from a file or
/// another machine cannot change the terminal: other characters than printable ASCII become '?'.
std::string to_people(std::span<const Finding> findings);

}  // namespace nightjar::relay::doctor

// What name servers have answered, and one session's memory of it. Each session has its own, so no
// session can find out from the time of an answer which names another one has asked for. Pure; one
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::core {

enum class Family : std::uint8_t { v4, v6 };
inline constexpr std::array families{Family::v4, Family::v6};

enum class NameError {
    bad_name,        // not a host name (base::is_host_name)
    not_found,       // the name does not exist
    no_address,      // the name exists and has no address of this family
    failed,          // no server answered, or the resolver was stopped
    overload,        // too many lookups are in progress
    no_descriptors,  // the process has no file descriptor left to ask with
};

/// The addresses of one family, and how long they may be used.
struct NameAddresses {
    std::vector<base::IpAddress> addresses;  // not empty
    base::Seconds ttl{0};
};

using NameAnswer = base::Result<NameAddresses, NameError>;

struct NameLimits {
    std::size_t answers_max = 128;  // per session; one more replaces the one that ends first
    base::Seconds ttl_least{1};     // also for a TTL of 0: a page's connections share one answer
    base::Seconds ttl_most{300};    // an address that has moved is found again after that
    base::Seconds negative{10};     // for how long "no such name" and "no address" are remembered
};

class NameAnswers {
 public:
    explicit NameAnswers(NameLimits limits = {}) : limits_{limits} {}

    /// The answer, with the rest of its TTL; nullopt if it is not remembered at `now`. Names are
    /// equal without regard to case and to a dot at their end.
    std::optional<NameAnswer> find(std::string_view name, Family family, base::Mono now) const;
    /// Remembers an answer for its bounded TTL. Errors that say nothing about the name itself
    /// (bad_name, failed, overload, no_descriptors) are not remembered.
    void remember(std::string_view name, Family family, const NameAnswer& answer, base::Mono now);
    /// Remembers for the time of a negative answer that no server answers for this family. Call it
    /// only if the other family has addresses, so that the name can be used without this one.
    void remember_silence(std::string_view name, Family family, base::Mono now);
    void clear();

    std::size_t size() const { return answers_.size(); }
    /// The memory of all answers in bytes, for ExitLimits::memory_max.
    std::size_t memory() const { return memory_; }

 private:
    struct Key {
        std::string name;
        Family family;
        auto operator<=>(const Key&) const = default;
    };
    struct Entry {
        NameAnswer answer;
        base::Mono until;
    };

    void store(Key key, Entry entry, base::Mono now);
    void erase(std::map<Key, Entry>::iterator at);
    static std::size_t weight(const Key& key, const Entry& entry);

    NameLimits limits_;
    std::map<Key, Entry> answers_;
    std::size_t memory_ = 0;
};

/// The spelling by which names are compared: lower case, without a dot at the end.
std::string canonical_name(std::string_view name);

}  // namespace nightjar::relay::core

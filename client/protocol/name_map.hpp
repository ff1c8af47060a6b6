// Addresses that stand for names. The DNS listener hands one out for each name that it is asked
// for; when a program then connects to it, the transparent listener asks the exit for the name. So
// no program's lookup costs a round trip, and the exit resolves what it connects to.
//
// Addresses are handed out in a row, from a random first one, and an address is used again only
// after all others. A name that has been unused for longest is forgotten when there are too many.
// New names are bounded in rate: without that, a program could ask until another program's address
// stands for a name of its choice, in seconds. With it a whole range takes 17 minutes at least, and
// answers are valid for one. Pure, one thread.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::client::protocol {

class NameMap {
 public:
    static constexpr std::size_t names_max = 16'384;
    /// A range must have room for many more names than are kept, so that an address that a program
    /// still remembers does not stand for another name soon.
    static constexpr int prefix_max = 16;

    /// Precondition: an IPv4 network whose prefix is at most prefix_max.
    NameMap(const base::IpNetwork& range, base::Random& random);

    /// New names at once, and in a second.
    static constexpr double new_names_burst = 1'024;
    static constexpr double new_names_rate = 64;

    /// The address of a name, a new one if it has none; nullopt: too many new names. `name` is a
    /// host name; the case of its letters and a dot at its end do not matter.
    std::optional<base::IpAddress> address_of(std::string_view name, base::Mono now);
    /// The name that an address stands for, if it does.
    std::optional<std::string> name_of(const base::IpAddress& address);
    bool contains(const base::IpAddress& address) const { return range_.contains(address); }

    std::size_t size() const { return by_offset_.size(); }

 private:
    struct Entry {
        std::string name;
        std::uint32_t offset;
    };
    base::IpAddress at(std::uint32_t offset) const;
    bool may_add(base::Mono now);
    void forget_oldest();

    base::IpNetwork range_;
    std::uint32_t next_;  // the offset that is handed out next
    double credit_ = new_names_burst;
    std::optional<base::Mono> counted_;  // when credit_ was right
    std::list<Entry> entries_;           // unused for longest first
    std::map<std::uint32_t, std::list<Entry>::iterator> by_offset_;
    std::map<std::string, std::list<Entry>::iterator, std::less<>> by_name_;
};

}  // namespace nightjar::client::protocol

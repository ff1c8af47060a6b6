// What a table of a running program holds, for `nightjar-relay disclose`. An object states its own
// tables. It binds all of its members first, so that a new member does not compile until it
// was decided whether it belongs on the list:
//
//     void Mailboxes::list_holdings(base::Holdings& out) const {
//         const auto& [down, earned, …, mailboxes, slots] = *this;
//
// Pure. The texts live as long as the program.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace nightjar::base {

struct Holding {
    std::string_view table;  // the object and its member
    std::string_view about;  // neighbours, clients, sessions, streams, destinations, packets, keys
    std::size_t entries;     // now
    std::string_view shows;  // what a reader of this memory learns
    /// The number follows the traffic of clients. It is shown only in a lab network.
    bool by_traffic = true;
};

using Holdings = std::vector<Holding>;

}  // namespace nightjar::base

// When a client asks its own gateway for a newer network document; and which others it asks if that
// one has not sent it, and when (docs/client.md, "Another gateway"). No gateway can hold a document
// back from its clients; and no gateway can make them show themselves to many others. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::client::protocol {

/// How often a client asks its own gateway in an epoch.
inline constexpr int own_requests_per_epoch = 8;

/// When it asks that one after `now`: once in each eighth of an epoch, at a moment
/// that it draws. So it has asked twice between the begin of the next epoch and the first moment at
/// which it asks another gateway.
base::Wall next_own_request(const directory::Document& document, base::Wall now,
                            base::Random& random);

/// For each document a client asks so many other gateways at most, one at each of the moments.
inline constexpr int other_gateways_max = 3;

/// The gateways that a client may ask, the first one first; pointers into the document. None has an
/// operator or a family in common with the client's own gateway or with one before it. The order is
/// a draw weighted by capacity that follows from `kept_until`, until when the client keeps its
/// gateway. Only the client knows that time. So it asks the same ones in each epoch, whether it
/// restarts or not.
std::vector<const directory::Relay*> other_gateways(const directory::Document& document,
                                                    const directory::Relay& own,
                                                    base::Wall kept_until);

/// The moments at which a client that has no newer document asks another gateway: 5, 6 and 7
/// eighths of the validity of the one in use, and then up to a minute that is drawn.
class OtherGateways {
 public:
    /// The number of the gateway to ask now, which counts from 0 in other_gateways(), or nothing.
    /// Call it about once a second, with the document in use and network time. A moment that is
    /// long past, as after a suspend, is left out: the own gateway is asked first.
    std::optional<std::size_t> due(const directory::Document& document, base::Wall now,
                                   base::Random& random);

 private:
    void plan(const directory::Document& document, base::Wall now, base::Random& random);

    std::optional<base::Epoch> epoch_;  // of the document that is planned for
    int number_ = 0;                    // of the next moment; above the last: none
    base::Wall at_{};                   // that moment, with what was drawn
    std::size_t asked_ = 0;
};

}  // namespace nightjar::client::protocol

// How a client without a valid document gets its first one: over a link of its own to a gateway of
// the anchors. Later ones come over the link that carries the traffic (`daemon`).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "client/state.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/directory/quorum.hpp"

namespace nightjar::client {

namespace asio = boost::asio;

using DocumentRef = std::shared_ptr<const directory::Document>;

/// A reason is a sentence for this machine's user.
using Reason = std::string;

/// Parses and checks a document's text: grammar, quorum, network, validity at `now`, and that its
/// epoch is not below `held`. Pure.
base::Result<DocumentRef, Reason> accept_document(std::string_view text,
                                                  const directory::Anchors& anchors, base::Wall now,
                                                  base::Epoch held);

/// The kept document while it is valid, else one from a gateway of the anchors, of no older epoch
/// than the kept one's; it is then kept. Asks one after the other, with growing pauses and until
/// cancelled, with keys that are used for nothing else; `waiting_for` says how it goes. All
/// arguments outlive the task.
asio::awaitable<DocumentRef> first_document(const directory::Anchors& anchors,
                                            const StateDir& state, base::Random& random,
                                            Reason& waiting_for);

/// Clocks, for the parts of the client that are allowed to read them.
base::Mono mono_now();
base::Wall wall_now();

}  // namespace nightjar::client

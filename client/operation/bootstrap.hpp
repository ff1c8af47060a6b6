// Fetches the first network document for a client that has no valid one. It uses a separate link to
// one of the gateways in the trust anchors. Later documents come over the link that carries the
// traffic (client/daemon).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "client/operation/state.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/directory/quorum.hpp"

namespace nightjar::client::operation {

namespace asio = boost::asio;

using DocumentRef = std::shared_ptr<const directory::Document>;

/// A sentence that the user of this machine reads.
using Reason = std::string;

/// Parses and checks a document's text: grammar, quorum of signatures, network, validity at `now`,
/// and an epoch of at least `held`. Pure.
base::Result<DocumentRef, Reason> accept_document(std::string_view text,
                                                  const directory::Anchors& anchors, base::Wall now,
                                                  base::Epoch held);

/// Hears how the first document comes.
struct DocumentNews {
    virtual ~DocumentNews() = default;
    /// An attempt failed.
    virtual void document_refused(const Reason& why) = 0;
    /// So much of its bytes has come.
    virtual void document_comes(std::size_t have, std::size_t of) = 0;
};

/// Requests the document from one gateway, by a link of its own with a fresh key. The request is
/// that of a client which has no document, and takes small TCP segments for every reason to
/// ask. All arguments must outlive the task.
asio::awaitable<base::Result<std::string, Reason>> fetch_document(
    directory::Anchors::Gateway gateway, base::NetworkId network, DocumentNews& news);

/// Returns the stored document if it is still valid, unless `anew`. Otherwise fetches one from a
/// gateway of the anchors and stores it; its epoch must not be below the stored document's. Tries
/// the gateways one after the other, with growing pauses, until cancelled. Each attempt uses a
/// fresh link key that is used for nothing else. All arguments must outlive the task.
asio::awaitable<DocumentRef> first_document(const directory::Anchors& anchors,
                                            const StateDir& state, base::Random& random,
                                            DocumentNews& news, bool anew = false);

}  // namespace nightjar::client::operation

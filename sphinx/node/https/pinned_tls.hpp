// TLS for HTTPS between our own programs: version 1.3, and the server is known by its Ed25519 key,
// not by a name and the web's certificate authorities. A client may show a key of its own.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <optional>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::node::https {

/// The server's side. With `asks_for_keys` a client may prove that it holds a key. Throws
/// std::runtime_error if OpenSSL fails.
boost::asio::ssl::context server_context(const base::Secret<32>& ed25519_seed,
                                         bool asks_for_keys = false);
/// The key that the other end has proven. Precondition: the handshake is over.
std::optional<base::LinkKey> proven_key(SSL* session);

/// The client's side: its handshakes fail unless the server proves that it holds `key`.
class PinnedContext {
 public:
    /// `own`: the seed of the key to show if the server asks; nullptr: none. Throws
    /// std::runtime_error if OpenSSL fails.
    explicit PinnedContext(const base::LinkKey& key, const base::Secret<32>* own = nullptr);
    boost::asio::ssl::context& get() { return context_; }

 private:
    std::unique_ptr<const base::LinkKey> key_;  // OpenSSL's callback reads it
    boost::asio::ssl::context context_;
};

}  // namespace nightjar::node::https

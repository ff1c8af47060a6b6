// TLS for HTTPS between our own programs: version 1.3, and the server is known by its Ed25519 key,
// not by a name and the web's certificate authorities. A client shows no certificate.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::node::https {

/// The server's side. Throws std::runtime_error if OpenSSL fails.
boost::asio::ssl::context server_context(const base::Secret<32>& ed25519_seed);

/// The client's side: its handshakes fail unless the server proves that it holds `key`.
class PinnedContext {
 public:
    /// Throws std::runtime_error if OpenSSL fails.
    explicit PinnedContext(const base::LinkKey& key);
    boost::asio::ssl::context& get() { return context_; }

 private:
    std::unique_ptr<const base::LinkKey> key_;  // OpenSSL's callback reads it
    boost::asio::ssl::context context_;
};

}  // namespace nightjar::node::https

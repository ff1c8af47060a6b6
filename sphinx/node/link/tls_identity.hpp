// This process's own key and certificate for its links. I/O thread only.
#pragma once

#include <memory>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::node::link {

/// Our own key and self-signed certificate. One per process; it must outlive its links.
class TlsIdentity {
 public:
    /// Throws std::runtime_error if OpenSSL fails (at start-up).
    explicit TlsIdentity(const base::Secret<32>& ed25519_seed);
    ~TlsIdentity();
    TlsIdentity(const TlsIdentity&) = delete;
    TlsIdentity& operator=(const TlsIdentity&) = delete;

    const base::LinkKey& key() const;

    struct Impl;
    Impl& impl() { return *impl_; }

 private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::node::link

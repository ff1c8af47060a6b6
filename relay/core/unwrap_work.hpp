// The job of the worker threads: one packet to unwrap, with its cell and its key. Work goes from
// Pipeline::accept() through unwrap() on any thread to Pipeline::unwrapped().
#pragma once

#include <memory>
#include <span>

#include "relay/core/keyring.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::relay::core {

/// A packet between accept() and unwrapped(). Keeps its key alive while a worker uses it.
struct Work {
    cell::CellBox cell;
    base::Mono arrived;         // once unwrapped, a client's: when it enters (Ingress::enter)
    base::Nanoseconds slept{};  // total suspend time known at its arrival
    bool from_client = false;
    base::MailboxId client;  // valid if from_client
    base::NodeId relay;      // valid if not
    std::uint16_t source{};  // whose room in the mix it takes (Ingress::source)
    std::shared_ptr<const MixKeyPair> key;
    base::Result<packet::Opened, packet::Error> outcome{base::Fail{packet::Error::bad_length}};
};

/// Unwraps each packet in place and sets its outcome. Pure and thread-safe: it touches nothing but
/// the batch. A batch is any number of waiting packets. Precondition: each has its cell and key.
void unwrap(std::span<Work> batch);

}  // namespace nightjar::relay::core

// Keeps one outgoing link to a relay alive: dials, runs it, and after its end dials again with a
// jittered, growing pause. Relays use it for the layer behind them, clients for their gateway.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/node/backoff.hpp"
#include "sphinx/node/link.hpp"

namespace nightjar::node {

/// Whom to dial. The addresses are tried in turn, the next one after each failure.
struct DialTarget {
    std::vector<asio::ip::tcp::endpoint> addresses;  // at least one
    base::LinkKey key;
    bool operator==(const DialTarget&) const = default;
};

struct DialerLimits {
    base::Milliseconds pause_least{200};
    base::Milliseconds pause_most{10'000};
    base::Seconds healthy{10};  // a link that lived so long makes the next pause a short one
};

/// One I/O thread. `identity`, `random` and `owner` outlive it; it outlives run().
class Dialer {
 public:
    /// Told what happens, and given the cells. Every on_up is followed by one on_down; between them
    /// the Link may be kept. May call stop() from any of these.
    struct Owner : Link::Sink {
        virtual void on_up(Link& link) = 0;
        virtual void on_down(LinkError why) = 0;
        /// An attempt that led to no link.
        virtual void on_refused(LinkError) {}
    };

    Dialer(asio::any_io_executor executor, DialTarget target, TlsIdentity& identity,
           cell::Hello mine, LinkLimits limits, base::Random& random, Owner& owner,
           DialerLimits dialer_limits = {});
    ~Dialer();

    /// Dials until stop() or cancellation. Call once, in a TaskGroup.
    asio::awaitable<void> run();
    /// Whom to dial from the next attempt on; a link that stands is left alone.
    void use(DialTarget target);
    /// Closes the link (on_down follows from run()) and dials no more. A handshake under way ends
    /// at its deadline; cancelling the task ends it at once.
    void stop();
    /// Null while there is none.
    Link* link() { return link_.get(); }

 private:
    asio::awaitable<void> pause();

    DialTarget target_;
    TlsIdentity& identity_;
    cell::Hello mine_;
    LinkLimits limits_;
    DialerLimits dialer_limits_;
    base::Random& random_;
    Owner& owner_;
    Backoff backoff_;
    asio::steady_timer timer_;
    std::unique_ptr<Link> link_;
    bool stopped_ = false;
};

}  // namespace nightjar::node

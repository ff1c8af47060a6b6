// Keeps one outgoing link to a relay alive: dials, runs the link, and dials again after it ends,
// with a jittered, growing pause. Relays use it for the next layer, clients for their gateway.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/node/link/backoff.hpp"
#include "sphinx/node/link/link.hpp"

namespace nightjar::node::link {

/// The relay to dial. Its addresses are tried in turn, the next one after each failure.
struct DialTarget {
    std::vector<asio::ip::tcp::endpoint> addresses;  // at least one
    base::LinkKey key;
    bool operator==(const DialTarget&) const = default;
};

struct DialerLimits {
    base::Milliseconds pause_least{200};
    base::Milliseconds pause_most{10'000};
    base::Seconds healthy{10};  // a link that lived so long resets the pause
};

/// One I/O thread. `identity`, `random` and `owner` must outlive this object, and it must outlive
/// run().
class Dialer {
 public:
    /// Receives the events and the cells. Every on_up is followed by one on_down; between them the
    /// Link may be kept. Each of these functions may call stop().
    struct Owner : Link::Sink {
        virtual void on_up(Link& link) = 0;
        virtual void on_down(LinkError why) = 0;
        /// An attempt failed.
        virtual void on_refused(LinkError) {}
    };

    Dialer(asio::any_io_executor executor, DialTarget target, TlsIdentity& identity,
           cell::Hello mine, LinkLimits limits, base::Random& random, Owner& owner,
           DialerLimits dialer_limits = {});
    ~Dialer();

    /// Dials until stop() or cancellation. Call it once, in a TaskGroup.
    asio::awaitable<void> run();
    /// Sets the relay to dial from the next attempt on; an open link is not affected.
    void use(DialTarget target);
    /// Closes the link (on_down follows from run()) and dials no more. A handshake in progress ends
    /// at its deadline; cancelling the task ends it immediately.
    void stop();
    /// The open link; nullptr if there is none.
    Link* link() { return link_.get(); }

 private:
    asio::awaitable<void> pause();
    void change_segments(const asio::ip::tcp::endpoint& address);

    DialTarget target_;
    std::set<asio::ip::tcp::endpoint> small_;  // of the target's; segments.hpp says when
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

}  // namespace nightjar::node::link

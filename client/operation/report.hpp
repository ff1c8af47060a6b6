// What a running client says of itself: how far its start has come, what it waits for, what is
// wrong and how the user mends it (docs/client.md). It only listens: nothing that the client sends
// depends on it. I/O thread only.
#pragma once

#include <optional>
#include <string>

#include "client/operation/advice.hpp"
#include "client/operation/bootstrap.hpp"
#include "client/protocol/status_report.hpp"

namespace nightjar::client::operation {

class Report final : public DocumentNews {
 public:
    /// `exit_country`: the user's choice; empty: none.
    explicit Report(base::Mono now, std::string exit_country = {})
        : stages_{now}, exit_country_{std::move(exit_country)} {}

    // --- what happens ---
    void document_refused(const Reason& why) override {
        waiting_for = why;
        progress_.reset();
    }
    void document_comes(std::size_t have, std::size_t of) override { progress_ = {{have, of}}; }
    void document_there(base::Mono now);
    /// The core uses this document. Returns why it has no exits of the chosen country.
    const std::optional<std::string>& document_used(const directory::Document& document);
    void link_up(base::Mono now);
    void link_down(node::link::LinkError why, base::Mono now);
    void link_refused(node::link::LinkError why);
    void ready(base::Mono now, base::Wall wall);
    /// Whether the newest document lists the client's gateway.
    void gateway_listed(bool listed) { gateway_missing_ = !listed; }
    /// Whether the newest document has come from another gateway than the client's.
    void document_withheld(bool withheld) { document_withheld_ = withheld; }
    /// A second valid document of this epoch has come.
    void conflict(base::Epoch epoch) { conflict_ = epoch; }
    /// Call it about once a second.
    void second_passed(base::Mono now, base::Nanoseconds boot, const protocol::Carried& carried,
                       const core::CoreStatus* core, const directory::Document* document);

    /// A sentence that the user reads: the reason of the last failure, or the next step.
    Reason waiting_for{first_step};

    /// Fills in the members that this object knows.
    protocol::DaemonStatus status(base::Mono now, base::Wall wall, const core::CoreStatus* core,
                                  const directory::Document* document) const;

 private:
    protocol::Stages stages_;
    std::string exit_country_;
    std::optional<std::string> exit_country_fault_;
    protocol::Goodput goodput_;
    std::optional<protocol::DocumentProgress> progress_;
    std::optional<base::Wall> ready_since_;
    std::optional<node::link::LinkError> failure_;  // of the last attempt to have a link
    std::optional<base::Mono> down_since_;
    std::optional<base::Nanoseconds> last_second_;  // by the clock that counts suspends
    std::optional<Suspend> suspend_;                // the last one
    bool gateway_missing_ = false;
    bool document_withheld_ = false;
    std::optional<base::Epoch> conflict_;
};

}  // namespace nightjar::client::operation

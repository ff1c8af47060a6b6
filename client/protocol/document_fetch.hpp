// Assembles a network document from the control cells in which a gateway sends it. The size is
// bounded by cell::document_size_max. The text itself is checked later, by directory::parse and
// directory::check. Pure.
#pragma once

#include <optional>
#include <string>

#include "sphinx/base/time.hpp"
#include "sphinx/cell/control.hpp"

namespace nightjar::client::protocol {

class DocumentFetch {
 public:
    /// The time that a gateway may take from the request to the last part.
    static constexpr base::Seconds patience{30};

    /// Starts a fetch and abandons one under way. The caller sends the returned request.
    cell::DocumentRequest begin(base::Epoch have, base::Mono now);

    /// Takes the next part. Returns the whole text with the last part. Parts must come in order and
    /// agree with the first one in epoch and total size. A part that breaks this, or that was not
    /// requested, ends the fetch without a text.
    std::optional<std::string> accept(const cell::DocumentPart& part);

    /// True while a fetch is under way. Ends a fetch whose time is over at `now`.
    bool waiting(base::Mono now);

 private:
    bool waiting_ = false;
    base::Mono deadline_{};
    base::Epoch have_;
    base::Epoch epoch_;
    std::uint32_t total_ = 0;  // bytes; 0: no part yet
    std::string text_;
};

}  // namespace nightjar::client::protocol

// Puts a network document together from the control cells that a gateway sends for it. Bounded by
// cell::document_size_max; what the text says is for directory::parse and check to judge. Pure.
#pragma once

#include <optional>
#include <string>

#include "sphinx/base/time.hpp"
#include "sphinx/cell/control.hpp"

namespace nightjar::client {

class DocumentFetch {
 public:
    /// How long a gateway may take from the request to the last part.
    static constexpr base::Seconds patience{30};

    /// A fetch has begun: the caller sends this. A fetch under way is forgotten.
    cell::DocumentRequest begin(base::Epoch have, base::Mono now);

    /// The whole text, with the part that completes it. Parts come in order and agree with the
    /// first; one that does not, or that nobody asked for, ends the fetch without a text.
    std::optional<std::string> accept(const cell::DocumentPart& part);

    /// Still waiting at `now`; ends a fetch that has taken too long.
    bool waiting(base::Mono now);

 private:
    bool waiting_ = false;
    base::Mono deadline_{};
    base::Epoch have_;
    base::Epoch epoch_;
    std::uint32_t total_ = 0;  // 0: no part yet
    std::string text_;
};

}  // namespace nightjar::client

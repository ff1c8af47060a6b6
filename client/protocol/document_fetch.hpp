// Assembles a network document from the control cells in which a gateway sends it, and unpacks it.
// What comes has at most cell::document_size_max bytes, and so has the text. The text itself is
// checked later, by directory::parse and directory::check. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/control.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::client::protocol {

class DocumentFetch {
 public:
    /// The time that a gateway may take from the request to the last part. At least 4.5 cells a
    /// second are free for it, so that the largest document arrives.
    static constexpr base::Seconds patience{60};

    /// A text, or a sentence that says why the whole of what came is none.
    using Outcome = base::Result<std::string, std::string>;

    /// Starts a fetch and abandons one under way. The caller sends the returned request. It names
    /// the epoch of `held`, the document in use; nullptr: none. If the last diff was of no use, it
    /// names none either, so that the whole document comes.
    cell::DocumentRequest begin(std::shared_ptr<const directory::Document> held, base::Mono now);

    /// Takes the next part. Returns the outcome with the last part. Parts must come in order and
    /// agree with the first one in epoch and total size. A part that breaks this, or that was
    /// not requested, ends the fetch without an outcome.
    std::optional<Outcome> accept(const cell::DocumentPart& part);

    /// True while a fetch is under way. Ends a fetch whose time is over at `now`.
    bool waiting(base::Mono now);
    /// True if parts have come, and more are due: not the moment to begin anew.
    bool coming(base::Mono now) { return waiting(now) && total_ > 0; }
    /// Ends a fetch, because its link has ended.
    void end() { waiting_ = false; }

 private:
    Outcome unpack();

    bool waiting_ = false;
    bool whole_next_ = false;  // the last diff was of no use
    base::Mono deadline_{};
    std::shared_ptr<const directory::Document> held_;
    base::Epoch have_;  // of held_
    base::Epoch epoch_;
    std::uint32_t total_ = 0;  // bytes; 0: no part yet
    std::string packed_;
};

}  // namespace nightjar::client::protocol

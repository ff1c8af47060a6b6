// When a relay sends its descriptors to an authority, and when it fetches documents. Pure: the
// owner asks for the next step, does it and reports what came of it.
//
// In each epoch: the descriptor for the next epoch in the first eighth, the next document soon
// after the middle. A relay without the document of this epoch does both for this epoch too, at
// once. Relays draw their moments, so that they do not come together. What fails is tried again,
// for as long as it matters.
#pragma once

#include <optional>
#include <set>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::operation {

class AuthorityPlan {
 public:
    /// `random` must outlive this object.
    AuthorityPlan(base::Seconds epoch_length, base::Random& random);

    struct Step {
        enum class What { wait, send, fetch } what;
        base::Epoch epoch;  // of the descriptor or document
        base::Wall until;   // of wait: ask again then, or earlier
    };
    Step next(base::Wall now);

    /// The document of this epoch is here.
    void have(base::Epoch document) { documents_.insert(document); }
    /// The authority has given its last word about the descriptor for this epoch: it counts, or
    /// comes too late.
    void settled(base::Epoch descriptor) { settled_.insert(descriptor); }
    /// The last step has not succeeded: pauses before the next one.
    void failed(base::Wall now);

 private:
    void turn(base::Epoch current);
    std::optional<Step> to_send(base::Wall now) const;
    std::optional<Step> to_fetch(base::Wall now) const;
    base::Milliseconds drawn(base::Milliseconds most);

    base::Seconds epoch_length_;
    base::Random& random_;
    base::Epoch current_{};
    bool turned_ = false;
    base::Wall send_from_;   // in this epoch
    base::Wall fetch_from_;  // the next document
    base::Wall pause_until_;
    Step::What last_ = Step::What::wait;
    bool send_failed_ = false;  // the last step
    std::set<base::Epoch> settled_;
    std::set<base::Epoch> documents_;
};

}  // namespace nightjar::relay::operation

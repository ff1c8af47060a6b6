// What an authority must have on its disk before a message of an agreement may leave. After a crash
// it goes on from there, and so never signs two messages of one kind for one round.
#pragma once

#include <optional>
#include <vector>

#include "relay/authority/core/message.hpp"

namespace nightjar::relay::authority::core {

enum class Step : std::uint8_t { propose = 1, prevote = 2, precommit = 3 };

/// The value that an authority precommitted last, and the round.
struct Lock {
    std::uint32_t round = 0;
    ValueId value;
    bool operator==(const Lock&) const = default;
};

struct SavedState {
    base::Epoch epoch;
    std::uint32_t round = 0;
    Step step = Step::propose;
    std::optional<Lock> locked;
    std::optional<Certificate> valid;     // prevotes: the newest value that could be decided
    std::optional<Certificate> decision;  // precommits
    std::vector<Message> own;  // of this round, at most one for each kind, in their order
    /// What others said in this round and the one before, and oneself in the one before: sorted by
    /// round, kind and authority. It shows the others how this authority came to its round. Without
    /// it they could not follow after a crash.
    std::vector<Message> heard;
    bool operator==(const SavedState&) const = default;
};

inline constexpr std::size_t heard_max = 2 * (2 * authorities_max + 1);
inline constexpr std::size_t saved_state_size_max = 1 + 4 + 4 + 1 + (1 + 4 + 32) +
                                                    2 * (2 + certificate_size_max) + 1 + 2 +
                                                    (3 + heard_max) * message_size;
base::Bytes encode(const SavedState& state);
/// Strict: one encoding for each state. Does not check signatures.
std::optional<SavedState> parse_saved_state(base::ByteView bytes);

}  // namespace nightjar::relay::authority::core

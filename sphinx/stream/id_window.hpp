// Which stream ids a client has used: all up to a floor, and a bit for each of the next `span`.
// An id outside cannot be told from a replay of an old one and is refused. Pure, one thread.
#pragma once

#include <bitset>

#include "sphinx/stream/frame.hpp"

namespace nightjar::stream {

class IdWindow {
 public:
    /// A client never uses an id this far above its oldest unacknowledged one.
    static constexpr StreamId span = 1024;

    /// False if `id` was used before or lies beyond the window; it counts as used from now on.
    bool use(StreamId id) {
        if (id <= floor_ || id - floor_ > span || used_[id % span]) return false;
        used_[id % span] = true;
        while (used_[(floor_ + 1) % span]) {
            ++floor_;
            used_[floor_ % span] = false;
        }
        return true;
    }

 private:
    StreamId floor_ = 0;
    std::bitset<span> used_;
};

}  // namespace nightjar::stream

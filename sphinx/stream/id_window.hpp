// Records the stream ids that a client has used: all ids up to a floor, and a bit for each of the
// next `span`. An id outside the window cannot be distinguished from a replay and is refused. Pure;
// one thread.
#pragma once

#include <bitset>

#include "sphinx/stream/frame.hpp"

namespace nightjar::stream {

class IdWindow {
 public:
    /// A client's ids stay less than this far above its oldest unacknowledged id.
    static constexpr StreamId span = 1024;

    /// Marks `id` as used. Returns false if it was used before or is outside the window.
    bool use(StreamId id) {
        if (id <= floor_ || id - floor_ > span || used_[id % span]) return false;
        used_[id % span] = true;
        while (used_[(floor_ + 1) % span]) {
            ++floor_;
            used_[floor_ % span] = false;
        }
        return true;
    }

    /// No id was used.
    bool unused() const { return floor_ == 0 && used_.none(); }

 private:
    StreamId floor_ = 0;
    std::bitset<span> used_;
};

}  // namespace nightjar::stream

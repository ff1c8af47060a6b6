// When a client's packets change to the next epoch's keys (docs/traffic-law.md section 5): at a
// time that each session draws, in every epoch, and the loops too. At a fixed time, the change
// would show how far the client's clock is off. Pure; one thread.
#pragma once

#include <optional>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/key_times.hpp"

namespace nightjar::client::core {

class EpochSwitch {
 public:
    /// Takes a random stream of its own from `random`.
    explicit EpochSwitch(base::Random& random) : random_{random} {}

    /// The epoch whose keys a packet must use that is built at `wall`.
    base::Epoch epoch_for(base::Wall wall, base::Seconds epoch_length) {
        const auto current = directory::epoch_at(wall, epoch_length);
        if (drawn_in_ != current) {
            drawn_in_ = current;
            const auto times = directory::KeyTimes::of(epoch_length);
            const auto least = times.made_for_next_min;
            const auto choices =
                static_cast<std::uint64_t>((times.made_for_next_max - least).count()) + 1;
            early_ = least + base::Milliseconds{random_.below(choices)};
        }
        return directory::epoch_at(wall + early_, epoch_length);
    }

 private:
    base::ForkedRandom random_;
    std::optional<base::Epoch> drawn_in_;
    base::Milliseconds early_{};
};

}  // namespace nightjar::client::core

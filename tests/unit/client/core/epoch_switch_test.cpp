#include "client/core/epoch_switch.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace nightjar;
using namespace std::chrono_literals;

namespace {

/// How long before the end of an epoch the keys change, to 10 ms.
base::Milliseconds change(client::core::EpochSwitch& keys, base::Epoch epoch,
                          base::Seconds length) {
    const auto end = directory::epoch_start(epoch.next(), length);
    for (auto ahead = base::Milliseconds{length}; ahead > 0ms; ahead -= 10ms)
        if (keys.epoch_for(end - ahead, length) != epoch) return ahead;
    return 0ms;
}

}  // namespace

TEST_CASE("epoch switch: drawn between three eighths and an eighth of an epoch of a minute") {
    for (const auto length : {base::Seconds{60}, base::Seconds{120}, base::Seconds{3600}}) {
        CAPTURE(length.count());
        base::SeededRandom random{3};
        client::core::EpochSwitch keys{random};
        const auto times = directory::KeyTimes::of(length);
        std::set<base::Milliseconds> drawn;
        for (std::uint32_t epoch = 1000; epoch < 1040; ++epoch)
            drawn.insert(change(keys, {epoch}, length));
        CHECK(*drawn.begin() >= times.made_for_next_min - 10ms);
        CHECK(*drawn.rbegin() <= times.made_for_next_max);
        CHECK(*drawn.rbegin() - *drawn.begin() >
              (times.made_for_next_max - times.made_for_next_min) * 3 / 4);
    }
}

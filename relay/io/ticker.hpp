// One timer for everything that the pipeline has scheduled. It fires when the next event is due,
// rounded up to a whole millisecond and at most once per millisecond. Events of one millisecond are
// therefore handled together, and an idle relay sleeps. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "sphinx/base/time.hpp"

namespace nightjar::relay::io {

class Ticker {
 public:
    /// `next_due` returns the time of the next event, base::Mono::max() if there is none. `tick`
    /// handles the events.
    Ticker(boost::asio::any_io_executor executor, std::function<base::Mono()> next_due,
           std::function<void(base::Mono now)> tick);
    ~Ticker();

    /// Reads next_due() again. Call it after anything that may have made next_due() earlier.
    void arm();
    void stop();

 private:
    void ring();

    boost::asio::steady_timer timer_;
    std::function<base::Mono()> next_due_;
    std::function<void(base::Mono now)> tick_;
    base::Mono rings_at_ = base::Mono::max();  // max: not armed
    base::Mono last_{};
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace nightjar::relay::io

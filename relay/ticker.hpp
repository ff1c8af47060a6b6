// One timer for everything that the pipeline has due: rings when the next thing is, rounded up to
// the whole millisecond and at most once in each, so that what falls into one millisecond leaves
// together, and an idle relay sleeps. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "sphinx/base/time.hpp"

namespace nightjar::relay {

class Ticker {
 public:
    /// `next_due`: when there is something to do, base::Mono::max() for never. `tick` does it.
    Ticker(boost::asio::any_io_executor executor, std::function<base::Mono()> next_due,
           std::function<void(base::Mono now)> tick);
    ~Ticker();

    /// Looks at next_due() again. Call after anything that may have brought it forward.
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

}  // namespace nightjar::relay

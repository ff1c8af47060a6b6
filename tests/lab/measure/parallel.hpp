// Simulates independent networks in parallel.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace nightjar::lab::measure {

/// Calls make(0) … make(count - 1) on as many threads as there are processors. The results are in
/// this order on every machine. `made` is called after each, never concurrently, with the number
/// finished so far. The first exception stops the work and is rethrown when all threads have ended.
template <class Make>
auto side_by_side(std::size_t count, const Make& make,
                  const std::function<void(std::size_t)>& made = {}) {
    using Result = decltype(make(std::size_t{}));
    std::vector<Result> results(count);
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::size_t ready = 0;
    std::exception_ptr failure;
    const auto work = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            try {
                auto result = make(i);
                const std::lock_guard lock{mutex};
                results[i] = std::move(result);
                ++ready;
                if (made) made(ready);
            } catch (...) {
                const std::lock_guard lock{mutex};
                if (!failure) failure = std::current_exception();
                next = count;
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        const auto others = std::min<std::size_t>(count, std::thread::hardware_concurrency());
        for (std::size_t i = 1; i < others; ++i)
            threads.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);
    return results;
}

}  // namespace nightjar::lab::measure

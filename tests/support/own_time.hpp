// How much time passes for a thread, on a machine that others use as well.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>

namespace nightjar::test {

/// Since its construction, in the thread that asks: the clock's time less that for which the thread
/// was ready to run and had no processor (the second number of /proc/thread-self/schedstat). For
/// upper bounds of code that runs in this thread alone. A lower bound is one of the clock's time.
class OwnTime {
 public:
    std::chrono::nanoseconds passed() const {
        return std::chrono::steady_clock::now() - begin_ - (waited() - waited_);
    }

 private:
    static std::chrono::nanoseconds waited() {
        std::int64_t ran = 0;
        std::int64_t ready = 0;  // stays 0 where the kernel does not count it
        std::ifstream{"/proc/thread-self/schedstat"} >> ran >> ready;
        return std::chrono::nanoseconds{ready};
    }

    std::chrono::nanoseconds waited_ = waited();
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace nightjar::test

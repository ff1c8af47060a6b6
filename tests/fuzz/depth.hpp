// How deep a fuzz target's inputs come. A target that refuses every input at its first line finds
// nothing and reports no failure: so each target names the places that its corpus must reach, and
// drivers/replay.cpp and tests/support/fuzz_one.py fail if no input reached one of them. One
// thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace nightjar::fuzz {

/// Ends the target, which the fuzzer reports with the input.
inline void require(bool holds) {
    if (!holds) std::abort();
}

/// One such place. Define it as a static object of the target, so that it stands before any input.
class Depth {
 public:
    /// `what` completes "no input reached …"; it lives for ever.
    explicit Depth(std::string_view what) : what_{what} { all().push_back(this); }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

    void reach() { ++times_; }

    /// One line per place: "depth: TIMES WHAT". Returns how many no input reached.
    static std::size_t print() {
        std::size_t missed = 0;
        for (const auto* depth : all()) {
            std::printf("depth: %llu %.*s\n", static_cast<unsigned long long>(depth->times_),
                        static_cast<int>(depth->what_.size()), depth->what_.data());
            if (depth->times_ == 0) ++missed;
        }
        std::fflush(stdout);
        return missed;
    }
    static std::size_t count() { return all().size(); }

 private:
    static std::vector<Depth*>& all() {
        static std::vector<Depth*> depths;
        return depths;
    }

    std::string_view what_;
    std::uint64_t times_ = 0;
};

}  // namespace nightjar::fuzz

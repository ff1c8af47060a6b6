#include "sphinx/node/process/scheduling.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>

namespace nightjar::node::process {

namespace {

constexpr std::chrono::nanoseconds slice = std::chrono::microseconds{100};  // the kernel's shortest
constexpr unsigned long timer_slack = 1;  // nanoseconds; the default is 50 µs

// The first version of the kernel's struct sched_attr (linux/sched/types.h); glibc has none.
struct Attributes {
    std::uint32_t size = sizeof(Attributes);
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0;  // the length of a slice
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
};
static_assert(sizeof(Attributes) == 48);

}  // namespace

void take_short_slices() {
    Attributes attributes;
    // Without the present nice value, the call would set it to 0.
    if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
    if (attributes.policy != SCHED_OTHER) return;
    attributes.runtime = slice.count();
    ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void take_priority() {
    ::prctl(PR_SET_TIMERSLACK, timer_slack, 0UL, 0UL, 0UL);
    const sched_param real_time{.sched_priority = 1};
    if (::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &real_time) != 0) take_short_slices();
}

}  // namespace nightjar::node::process

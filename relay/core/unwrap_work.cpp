#include "relay/core/unwrap_work.hpp"

#include <utility>
#include <vector>

#include "sphinx/base/wiping_memory.hpp"

namespace nightjar::relay::core {

void unwrap(std::span<Work> batch) {
    // One per worker thread, to reuse its memory. It is empty between calls, so it holds no stale
    // pointers.
    thread_local std::vector<packet::UnwrapJob> jobs;
    for (auto& work : batch) {
        packet::UnwrapJob job;
        job.packet = work.cell->body();
        job.key = &work.key->keys.secret;
        jobs.push_back(std::move(job));
    }
    packet::unwrap_batch(jobs, packet::packet_size);
    for (std::size_t i = 0; i < batch.size(); ++i)
        batch[i].outcome = jobs[i].outcome;
    base::clear_and_wipe(jobs);  // the outcomes say where packets go
}

}  // namespace nightjar::relay::core

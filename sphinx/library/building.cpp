// The part of the C interface that builds packets, one or many in a call.
#include <algorithm>
#include <utility>

#include "sphinx/base/result.hpp"
#include "sphinx/library/nightjar_packet.h"
#include "sphinx/library/translate.hpp"
#include "sphinx/packet/draft.hpp"
#include "sphinx/packet/payload.hpp"

using namespace nightjar;

static_assert(NIGHTJAR_PAYLOAD_SIZE_MAX == packet::payload_size_max);

namespace nightjar::library {
namespace {

/// The error of a job that shows before anything is computed for it.
nightjar_error fault_of(const nightjar_build_job& job, std::size_t packet_size) {
    const packet::Version wanted{job.version};
    if (wanted != packet::Version::v259 && wanted != packet::Version::v260)
        return NIGHTJAR_BAD_VERSION;
    if (job.hops == 0 || job.hops > packet::max_hops) return NIGHTJAR_BAD_ROUTE;
    if (packet_size < packet::header_size ||
        !packet::fits(job.message_size, packet_size - packet::header_size))
        return NIGHTJAR_BAD_LENGTH;
    return NIGHTJAR_OK;
}

using Built = base::Result<base::Bytes, nightjar_error>;

/// A job while its packet is built.
struct Work {
    std::size_t job = 0;
    std::vector<packet::Hop> route;
    packet::HeaderRandomness randomness;
};

/// The packet of each job, or its error. Precondition: no job has a NULL pointer that
/// nightjar_packet.h forbids.
std::vector<Built> build_all(std::span<const nightjar_build_job> jobs, std::size_t packet_size) {
    std::vector<Built> built;
    std::vector<Work> works;
    built.reserve(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto fault = fault_of(jobs[i], packet_size);
        built.emplace_back(base::Fail{fault});
        if (fault == NIGHTJAR_OK)
            works.push_back(
                {i, route_of(jobs[i].route, jobs[i].hops), randomness_of(jobs[i].randomness)});
    }
    std::vector<packet::DraftJob> drafts(works.size());
    for (std::size_t i = 0; i < works.size(); ++i) {
        const auto& job = jobs[works[i].job];
        drafts[i].version = packet::Version{job.version};
        drafts[i].route = works[i].route;
        drafts[i].destination = id<base::Destination>(job.destination);
        drafts[i].identifier = id<base::SurbId>(job.identifier);
        drafts[i].randomness = &works[i].randomness;
    }
    packet::draft_batch(drafts);
    std::vector<packet::SealJob> seals;
    std::vector<std::size_t> sealed;  // the job of each seal
    for (std::size_t i = 0; i < works.size(); ++i) {
        const auto job = works[i].job;
        if (!drafts[i].outcome) {
            built[job] = base::Fail{of(drafts[i].outcome.error())};
            continue;
        }
        auto& seal = seals.emplace_back();
        seal.draft = &*drafts[i].outcome;
        seal.message = {jobs[job].message, jobs[job].message_size};
        sealed.push_back(job);
    }
    packet::seal_batch(seals, packet_size - packet::header_size);
    for (std::size_t i = 0; i < seals.size(); ++i) {
        if (seals[i].outcome)
            built[sealed[i]] = std::move(*seals[i].outcome);
        else
            built[sealed[i]] = base::Fail{of(seals[i].outcome.error())};
    }
    return built;
}

}  // namespace
}  // namespace nightjar::library

using namespace nightjar::library;

nightjar_error nightjar_packet_build(uint16_t version, const nightjar_hop* route, size_t hops,
                                     const uint8_t* destination, const uint8_t* identifier,
                                     const uint8_t* message, size_t message_size,
                                     const nightjar_randomness* randomness, uint8_t* out,
                                     size_t packet_size) {
    nightjar_build_job job{version, route,        hops,       destination, identifier,
                           message, message_size, randomness, out,         NIGHTJAR_OK};
    const auto error = nightjar_packet_build_many(&job, 1, packet_size);
    return error != NIGHTJAR_OK ? error : job.error;
}

nightjar_error nightjar_packet_build_many(nightjar_build_job* jobs, size_t count,
                                          size_t packet_size) {
    return guarded([&] {
        if (jobs == nullptr && count != 0) return NIGHTJAR_BAD_ARGUMENT;
        const std::span all{jobs, count};
        for (const auto& job : all)
            if (!given(job.route, job.destination, job.identifier, job.packet) ||
                !given_bytes(job.message, job.message_size))
                return NIGHTJAR_BAD_ARGUMENT;
        const auto built = build_all(all, packet_size);
        for (std::size_t i = 0; i < count; ++i) {
            all[i].error = built[i] ? NIGHTJAR_OK : built[i].error();
            if (built[i]) write(all[i].packet, *built[i]);
        }
        return NIGHTJAR_OK;
    });
}

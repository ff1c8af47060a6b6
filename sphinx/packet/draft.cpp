#include "sphinx/packet/draft.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

#include "sphinx/base/codec.hpp"
#include "sphinx/packet/key_schedule.hpp"
#include "sphinx/packet/payload.hpp"

namespace nightjar::packet {

namespace {

/// Derives the payload keys of a route, two at a time.
std::array<PayloadKey, max_hops> payload_keys(const RouteKeys& keys) {
    std::array<PayloadKey, max_hops> made;
    std::size_t i = 0;
    for (; i + 2 <= keys.hops; i += 2)
        payload_key_each<2>({&keys.of_hop[i].payload_seed, &keys.of_hop[i + 1].payload_seed},
                            {&made[i], &made[i + 1]});
    if (i < keys.hops) payload_key_each<1>({&keys.of_hop[i].payload_seed}, {&made[i]});
    return made;
}

}  // namespace

void draft_batch(std::span<DraftJob> jobs) {
    std::vector<RouteKeysJob> routes(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        routes[i].route = jobs[i].route;
        routes[i].initial_secret = &jobs[i].randomness->initial_secret;
    }
    derive_keys(routes);
    crypto::StreamCiphers ciphers;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        auto& job = jobs[i];
        if (routes[i].error) {
            job.outcome = base::Fail{*routes[i].error};
            continue;
        }
        const auto& keys = routes[i].keys;
        const auto filler = make_filler(ciphers, keys);
        const auto header = wrap(ciphers, job.version, job.route, keys, filler,
                                 {job.destination, job.identifier, job.randomness->final_padding});
        job.outcome = Draft{header, job.route.front().address, std::move(routes[i].keys)};
    }
}

void seal_batch(std::span<SealJob> jobs, std::size_t payload_size) {
    std::vector<std::array<PayloadKey, max_hops>> keys(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        auto& job = jobs[i];
        if (!fits(job.message.size(), payload_size)) {
            job.outcome = base::Fail{Error::bad_length};
            continue;
        }
        keys[i] = payload_keys(job.draft->keys);
        base::Bytes packet(header_size + payload_size);
        std::copy(job.draft->header.begin(), job.draft->header.end(), packet.begin());
        write_message(base::ByteSpan{packet}.subspan(header_size), job.message);
        job.outcome = std::move(packet);
    }
    // Start with the layer of the last hop. A shorter route joins at its own last hop.
    crypto::StreamCiphers ciphers;
    std::vector<SealedPayload> layer;
    for (std::size_t hop = max_hops; hop-- > 0;) {
        layer.clear();
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            if (jobs[i].outcome && hop < jobs[i].draft->keys.hops)
                layer.push_back(
                    {&keys[i][hop], base::ByteSpan{*jobs[i].outcome}.subspan(header_size)});
        }
        lioness_encrypt(ciphers, layer);
    }
}

base::Result<base::Bytes, Error> seal(const Draft& draft, base::ByteView message,
                                      std::size_t payload_size) {
    SealJob job{.draft = &draft, .message = message};
    seal_batch({&job, 1}, payload_size);
    return std::move(job.outcome);
}

base::Result<MadeSurb, Error> to_surb(const Draft& draft, const base::SurbId& identifier) {
    if (identifier.is_zero()) return base::Fail{Error::zero_identifier};
    const auto& keys = draft.keys;
    MadeSurb made;
    base::Writer writer{made.surb};
    writer.bytes(draft.header);
    writer.bytes(draft.first_hop.bytes);
    writer.bytes(keys.of_hop[keys.hops - 1].payload_seed.view());
    assert(writer.ok() && writer.remaining() == 0);

    made.recovery.identifier = identifier;
    made.recovery.hops = keys.hops;
    base::Writer seeds{made.recovery.seeds.span()};
    for (std::size_t i = 0; i < keys.hops; ++i)
        seeds.bytes(keys.of_hop[i].payload_seed.view());
    return made;
}

}  // namespace nightjar::packet

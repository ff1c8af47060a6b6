// The work of one hop, in the order of docs/packet-format.md section 4. A batch passes each stage
// together: packets are independent, so each stage runs them in vector lanes. A packet that fails
// in one stage skips the later ones.
#include <sodium.h>

#include <algorithm>
#include <array>
#include <vector>

#include "sphinx/crypto/stream_ciphers.hpp"
#include "sphinx/crypto/x25519_batch.hpp"
#include "sphinx/packet/key_schedule.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/payload.hpp"
#include "sphinx/packet/routing.hpp"

namespace nightjar::packet {

using base::ByteSpan;
using base::Fail;

namespace {

/// The largest chunk: more packets at once are not faster, and this many fit into a worker's
/// caches.
constexpr std::size_t chunk_max = 64;

/// A packet while it passes the stages.
struct Work {
    explicit Work(UnwrapJob& wanted) : job{&wanted} {}

    UnwrapJob* job;
    base::Secret<32> point;  // the shared secret, later the next alpha
    HopKeys keys;
    base::Secret<keystream_size> block;  // decrypted beta, followed by the next beta
    std::variant<Forward, Final> what;
    PayloadKey payload_key;
};

/// The packets that have not failed, in their order. Their memory belongs to the thread and stays
/// allocated; its secrets are wiped at the end of the batch.
class Batch {
 public:
    Batch() { storage().reserve(chunk_max); }
    ~Batch() {
        for (auto& work : storage())
            sodium_memzero(&work.what, sizeof work.what);  // a copy is in the outcome
        storage().clear();
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    void add(UnwrapJob& job) { alive_[size_++] = &storage().emplace_back(job); }
    std::size_t size() const { return size_; }
    Work** begin() { return alive_.data(); }
    Work** end() { return alive_.data() + size_; }

    /// Removes the packets for which check() returns an error.
    template <class Check>
    void keep(Check check) {
        std::size_t kept = 0;
        for (auto* work : *this) {
            const base::Status<Error> status = check(*work);
            if (status)
                alive_[kept++] = work;
            else
                fail(*work->job, status.error());
        }
        size_ = kept;
    }
    static void fail(UnwrapJob& job, Error error) {
        sodium_memzero(job.packet.data(), job.packet.size());
        job.outcome = Fail{error};
    }
    /// Calls stage<2>() for pairs of packets, and stage<1>() for an odd last one.
    template <class Stage>
    void in_pairs(Stage stage) {
        std::size_t i = 0;
        for (; i + 2 <= size_; i += 2)
            stage(crypto::Each<Work*, 2>{alive_[i], alive_[i + 1]});
        if (i < size_) stage(crypto::Each<Work*, 1>{alive_[i]});
    }

 private:
    static std::vector<Work>& storage() {
        static thread_local std::vector<Work> works;
        return works;
    }

    std::array<Work*, chunk_max> alive_{};
    std::size_t size_ = 0;
};

base::Status<Error> ok_or(bool ok, Error error) {
    if (ok) return base::Done{};
    return Fail{error};
}

template <std::size_t Lanes, class Part>
auto each(const crypto::Each<Work*, Lanes>& works, Part part) {
    crypto::Each<decltype(part(*works[0])), Lanes> parts;
    for (std::size_t lane = 0; lane < Lanes; ++lane)
        parts[lane] = part(*works[lane]);
    return parts;
}

// The two errors of alpha are distinguished after the multiplication: an encoding of low order with
// its top bit set is low_order, because X25519 ignores that bit.
void agree_all(Batch& batch) {
    std::array<crypto::Multiplication, chunk_max> products;
    std::size_t n = 0;
    for (auto* work : batch)
        products[n++] = {work->job->key->data(), work->job->packet.data(), work->point.data()};
    multiply(std::span{products}.first(n));
    batch.keep([](const Work& work) {
        if (crypto::is_zero(work.point.view())) return ok_or(false, Error::low_order);
        return ok_or((work.job->packet[alpha_size - 1] & 0x80) == 0, Error::bad_alpha);
    });
}

void authenticate(Batch& batch) {
    batch.in_pairs([]<std::size_t Lanes>(const crypto::Each<Work*, Lanes>& works) {
        expand_each<Lanes>(
            each(works, [](Work& work) -> const SharedSecret* { return &work.point; }),
            each(works, [](Work& work) { return &work.keys; }));
        // Store the expected MAC in the block until it is compared.
        const auto gammas = header_mac_each<Lanes>(
            each(works, [](Work& work) -> const HopKeys* { return &work.keys; }),
            each(works, [](Work& work) -> base::ByteView {
                return work.job->packet.subspan(beta_offset, beta_size);
            }));
        for (std::size_t lane = 0; lane < Lanes; ++lane)
            std::copy(gammas[lane].begin(), gammas[lane].end(), works[lane]->block.data());
    });
    batch.keep([](const Work& work) {
        return ok_or(base::equal_constant_time(work.block.view().first(key_size),
                                               work.job->packet.subspan(gamma_offset, key_size)),
                     Error::mac_mismatch);
    });
}

void read_routing(crypto::StreamCiphers& ciphers, Batch& batch) {
    batch.keep([&](Work& work) -> base::Status<Error> {
        const auto beta = work.job->packet.subspan(beta_offset, beta_size);
        std::copy(beta.begin(), beta.end(), work.block.data());
        std::fill(work.block.data() + beta_size, work.block.data() + keystream_size, 0);
        ciphers.aes_ctr(work.keys.cipher_key, work.block.span());
        const auto what = read_block(work.block.view().first<beta_size>());
        if (!what) return Fail{what.error()};
        work.what = *what;
        return base::Done{};
    });
}

void open_payloads(crypto::StreamCiphers& ciphers, Batch& batch) {
    batch.in_pairs([]<std::size_t Lanes>(const crypto::Each<Work*, Lanes>& works) {
        payload_key_each<Lanes>(
            each(works, [](Work& work) -> const PayloadSeed* { return &work.keys.payload_seed; }),
            each(works, [](Work& work) { return &work.payload_key; }));
    });
    std::array<SealedPayload, chunk_max> payloads;
    std::size_t n = 0;
    for (auto* work : batch)
        payloads[n++] = {&work->payload_key, work->job->packet.subspan(header_size)};
    lioness_decrypt(ciphers, std::span{payloads}.first(n));
}

void blind_all(Batch& batch) {
    std::array<crypto::Multiplication, chunk_max> products;
    std::size_t n = 0;
    for (auto* work : batch) {
        if (std::holds_alternative<Forward>(work->what))
            products[n++] = {work->keys.blinding.data(), work->job->packet.data(),
                             work->point.data()};
    }
    multiply(std::span{products}.first(n));
    batch.keep([](const Work& work) {
        return ok_or(!crypto::is_zero(work.point.view()), Error::low_order);
    });
}

/// Writes the header for the next relay: alpha' || gamma' || beta'; zeros if the packet ends here.
void write_headers(Batch& batch) {
    for (auto* work : batch) {
        const auto header = work->job->packet.first(header_size);
        if (std::holds_alternative<Forward>(work->what)) {
            std::copy_n(work->point.data(), alpha_size, header.begin());
            std::copy_n(work->block.data() + next_gamma_offset, key_size + beta_size,
                        header.begin() + gamma_offset);
        } else {
            sodium_memzero(header.data(), header.size());
        }
        work->job->outcome = Opened{work->keys.replay_tag(), work->what};
    }
}
static_assert(next_gamma_offset + key_size == next_beta_offset && gamma_offset < beta_offset);

void unwrap_chunk(std::span<UnwrapJob> jobs, std::size_t packet_size) {
    Batch batch;
    for (auto& job : jobs) {
        if (job.packet.size() == packet_size && packet_size >= header_size + payload_size_min)
            batch.add(job);
        else
            Batch::fail(job, Error::bad_length);
    }
    crypto::StreamCiphers ciphers;
    agree_all(batch);
    authenticate(batch);
    read_routing(ciphers, batch);
    open_payloads(ciphers, batch);
    blind_all(batch);
    write_headers(batch);
}

}  // namespace

void unwrap_batch(std::span<UnwrapJob> jobs, std::size_t packet_size) {
    for (std::size_t done = 0; done < jobs.size(); done += chunk_max)
        unwrap_chunk(jobs.subspan(done, std::min(chunk_max, jobs.size() - done)), packet_size);
    // Wipe what libraries and the compiler left in the stack frames below.
    sodium_stackzero(16 * 1024);
}

}  // namespace nightjar::packet

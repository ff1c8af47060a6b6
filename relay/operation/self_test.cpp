#include "relay/operation/self_test.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <vector>

#include "relay/core/unwrap_work.hpp"
#include "sphinx/crypto/kernel.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::relay::operation {

namespace {

constexpr std::size_t batch_size = 32;
constexpr int slowest = 10;  // a busy machine must not hold a start up for longer than this
constexpr std::uint64_t delay_ns = 40'000'000;

/// A packet that passes two relays, and what is inside it.
struct Sample {
    explicit Sample(base::Random& random)
        : first{packet::generate_key_pair(random)},
          second{packet::generate_key_pair(random)},
          next{random.id<base::NodeId>()},
          message(packet::message_size) {
        random.fill(message);
        const std::array route{packet::Hop{random.id<base::NodeId>(), first.public_key, delay_ns},
                               packet::Hop{next, second.public_key, 0}};
        bytes = packet::build(packet::Version::v260, route, {}, random.id<base::SurbId>(), message,
                              packet::payload_size, packet::HeaderRandomness::draw(random))
                    .value();
    }
    packet::KeyPair first;
    packet::KeyPair second;
    base::NodeId next;
    base::Bytes message;
    base::Bytes bytes;
};

/// The time that this thread has had a processor: what other programs take does not count.
base::Nanoseconds processor_time() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return base::Seconds{time.tv_sec} + base::Nanoseconds{time.tv_nsec};
}

bool comes_out(const Sample& sample) {
    auto bytes = sample.bytes;
    const auto opened = packet::unwrap(bytes, sample.first.secret, packet::packet_size);
    if (!opened) return false;
    const auto* forward = std::get_if<packet::Forward>(&opened->what);
    if (forward == nullptr || forward->next != sample.next || forward->delay_ns != delay_ns)
        return false;
    const auto ended = packet::unwrap(bytes, sample.second.secret, packet::packet_size);
    if (!ended || !std::holds_alternative<packet::Final>(ended->what)) return false;
    const auto read = packet::read_message(base::ByteView{bytes}.subspan(packet::header_size));
    return read &&
           std::equal(read->begin(), read->end(), sample.message.begin(), sample.message.end());
}

}  // namespace

SelfTest self_test(base::Milliseconds burst) {
    base::SystemRandom random;
    Sample sample{random};
    if (!comes_out(sample))
        throw node::process::StartupError{
            node::process::ExitCode::failure,
            "this machine unwraps a packet wrongly; test its memory and its processor, or install "
            "the program again"};
    const auto key = std::make_shared<core::MixKeyPair>();
    key->keys = std::move(sample.first);
    std::vector<core::Work> batch(batch_size);
    for (auto& work : batch) {
        work.cell = std::make_unique<cell::Cell>();
        work.key = key;
    }
    std::uint64_t packets = 0;
    base::Nanoseconds spent{0};
    const auto latest = node::process::mono_now() + slowest * burst;
    while (spent < burst && node::process::mono_now() < latest) {
        for (auto& work : batch)
            std::copy(sample.bytes.begin(), sample.bytes.end(), work.cell->body().begin());
        const auto begin = processor_time();
        core::unwrap(batch);
        spent += processor_time() - begin;
        packets += batch.size();
    }
    const auto rate = static_cast<double>(packets) / base::to_seconds(spent);
    const auto hundreds = std::max(1.0, rate / 100);
    return {static_cast<std::uint32_t>(hundreds) * 100, crypto::to_string(crypto::kernel())};
}

const SelfTest& own_self_test(base::Milliseconds burst) {
    static const auto measured = self_test(burst);
    return measured;
}

}  // namespace nightjar::relay::operation

// Tests whether the time of a call depends on its secret, by the method of dudect: two classes of
// secrets, chosen at random for each call and prepared in the same way, and Welch's t between their
// times. A control that branches on its secret shows that the measurement can detect a leak.
//   constant_time [CALLS]
// Statistics on a shared machine are evidence, not a test; tests/unit/kernel_objects.py is the
// deterministic check. Exit code 1 if a kernel shows a difference or the control shows none.
#include <sodium.h>
#include <x86intrin.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sphinx/packet/known_keys.hpp"
#include "tests/bench/samples.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

using Secret32 = base::ByteArray<32>;
constexpr double t_max = 4.5;  // dudect's threshold

/// Mean and variance in one pass (Welford).
struct Moments {
    double count = 0, mean = 0, squares = 0;
    void add(double x) {
        count += 1;
        const double delta = x - mean;
        mean += delta / count;
        squares += delta * (x - mean);
    }
    double variance_of_mean() const { return squares / (count - 1) / count; }
};

double welch(const std::vector<double>& times, const std::vector<bool>& classes, double below) {
    Moments of[2];
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (times[i] < below) of[classes[i]].add(times[i]);
    }
    return (of[0].mean - of[1].mean) /
           std::sqrt(of[0].variance_of_mean() + of[1].variance_of_mean());
}

/// The largest |t| over several cut-offs of the times. Without a cut-off, interrupts would hide a
/// small difference.
double difference(std::size_t calls, base::Random& random, const Secret32& fixed,
                  const std::function<void(const Secret32&)>& call) {
    std::vector<Secret32> secrets(calls);
    std::vector<bool> classes(calls);
    for (std::size_t i = 0; i < calls; ++i) {
        classes[i] = random.below(2) == 1;
        random.fill(secrets[i]);
        secrets[i][0] |= 1;  // tables need odd scalars; ladders clamp this bit anyway
        secrets[i][31] &= 0x0f;
        if (classes[i]) secrets[i] = fixed;
    }
    std::vector<double> times(calls);
    Secret32 secret;
    for (std::size_t i = 0; i < calls; ++i) {
        secret = secrets[i];
        unsigned core = 0;
        const auto start = __rdtscp(&core);
        call(secret);
        times[i] = static_cast<double>(__rdtscp(&core) - start);
    }
    auto sorted = times;
    std::sort(sorted.begin(), sorted.end());
    double worst = 0;
    for (const double part : {0.5, 0.75, 0.9, 0.99}) {
        const auto cut = sorted[static_cast<std::size_t>(part * static_cast<double>(calls))];
        worst = std::max(worst, std::abs(welch(times, classes, cut)));
    }
    return worst;
}

struct Subject {
    std::string name;
    std::function<void(const Secret32&)> call;
    Secret32 fixed;
};

/// The same secret in every lane of a ladder, and one multiplication by a table.
std::vector<Subject> subjects(const bench::Samples& samples) {
    std::vector<Subject> all;
    Secret32 ones, few{1};
    ones.fill(0xff);
    ones[31] = 0x0f;
    few[31] = 0x08;
    for (const auto kernel : {Kernel::portable, Kernel::avx2, Kernel::ifma}) {
        if (!available(kernel)) {
            std::printf("kernel %s: not on this processor\n", to_string(kernel));
            continue;
        }
        for (const auto& [what, fixed] :
             {std::pair{"all ones", ones}, std::pair{"two ones", few}}) {
            for (const std::size_t size : {1, 2, 8}) {
                all.push_back({std::string{to_string(kernel)} + ", ladder of " +
                                   std::to_string(size) + ", " + what,
                               [&samples, kernel, size](const Secret32& secret) {
                                   force_kernel(kernel);
                                   Secret32 products[8];
                                   std::vector<Multiplication> batch;
                                   for (std::size_t i = 0; i < size; ++i)
                                       batch.push_back({secret.data(),
                                                        samples.pairs[0].public_key.bytes.data(),
                                                        products[i].data()});
                                   multiply(batch);
                               },
                               fixed});
            }
            if (kernel == Kernel::portable) continue;
            all.push_back({std::string{to_string(kernel)} + ", table, " + what,
                           [&samples, kernel](const Secret32& secret) {
                               force_kernel(kernel);
                               auto& known = KnownKeys::of_this_thread();
                               known.begin_batch();
                               const auto table = known.find(samples.pairs[0].public_key);
                               Secret32 product;
                               const TableMultiplication one{secret.data(), *table, product.data()};
                               known.multiply(std::span{&one, 1});
                           },
                           fixed});
        }
    }
    // A wrong MAC that differs at its first byte (one class), or at a secret position (the other).
    all.push_back({"unwrap, where the MAC differs",
                   [&samples](const Secret32& secret) {
                       auto packet = samples.packets[0];
                       packet[gamma_offset + secret[5] % key_size] ^= 1;
                       if (unwrap(packet, samples.pairs[0].secret, packet_size)) throw 0;
                   },
                   Secret32{1}});
    return all;
}

/// Does an addition only for bits that are set, so its time depends on the secret.
void control(const Secret32& secret) {
    volatile std::uint64_t sum = 1;
    for (int bit = 0; bit < 256; ++bit) {
        for (int k = 0; k < 50; ++k)
            sum = sum * 3 + 1;
        if (secret[static_cast<std::size_t>(bit / 8)] >> bit % 8 & 1) sum = sum * 5;
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t calls = argc > 1 ? std::stoul(argv[1]) : 100'000;
    const bench::Samples samples{1};
    base::SeededRandom random{77};
    Secret32 few{1};
    const double seen = difference(calls, random, few, control);
    std::printf("%-40s |t| = %6.2f, a difference that must be seen\n", "control", seen);
    bool ok = seen > t_max;
    for (const auto& subject : subjects(samples)) {
        const double t = difference(calls, random, subject.fixed, subject.call);
        std::printf("%-40s |t| = %6.2f%s\n", subject.name.c_str(), t,
                    t > t_max ? ", a difference" : "");
        std::fflush(stdout);
        ok = ok && t <= t_max;
    }
    return ok ? 0 : 1;
}

#include "sphinx/packet/known_keys.hpp"

#include <algorithm>

#include "sphinx/crypto/curve.hpp"

namespace nightjar::packet {

namespace {

bool tabulate(crypto::Kernel kernel, crypto::PointTable& table, const crypto::LiftedPoint& point) {
#if defined(__x86_64__)
    if (kernel == crypto::Kernel::ifma) return crypto::tabulate_ifma(table, point);
    if (kernel == crypto::Kernel::avx2) return crypto::tabulate_avx2(table, point);
#endif
    static_cast<void>(kernel), static_cast<void>(table), static_cast<void>(point);
    return false;
}

/// A point has low order if any clamped scalar multiplies it to zero, on the curve or on the twist.
bool of_low_order(const PublicKey& key) {
    return !agree(SecretKey{}, key);
}

}  // namespace

KnownKeys& KnownKeys::of_this_thread() {
    static thread_local KnownKeys keys;
    return keys;
}

void KnownKeys::begin_batch() {
    const auto now = crypto::kernel();
    if (kernel_ != now || good_.size() > size_max) good_.clear();
    kernel_ = now;
}

base::Result<const crypto::PointTable*, Error> KnownKeys::find(const PublicKey& key) {
    if (const auto known = good_.find(key); known != good_.end()) return known->second.get();
    const auto x = crypto::edwards_x(key);
    if (of_low_order(key)) return base::Fail{Error::low_order};
    if (!x) return base::Fail{Error::bad_key};
    std::unique_ptr<crypto::PointTable> table;
    if (kernel_ != crypto::Kernel::portable) {
        table = std::make_unique<crypto::PointTable>();
        if (!tabulate(kernel_, *table, {key.bytes.data(), x->data()}))
            return base::Fail{Error::low_order};
    }
    return good_.emplace(key, std::move(table)).first->second.get();
}

void KnownKeys::multiply(
    [[maybe_unused]] std::span<const crypto::TableMultiplication> batch) const {
#if defined(__x86_64__)
    while (!batch.empty()) {
        const auto call = batch.first(std::min(batch.size(), crypto::x25519_call_max));
        kernel_ == crypto::Kernel::ifma ? crypto::multiply_tables_ifma(call.data(), call.size())
                                        : crypto::multiply_tables_avx2(call.data(), call.size());
        batch = batch.subspan(call.size());
    }
#endif
}

}  // namespace nightjar::packet

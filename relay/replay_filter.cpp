#include "relay/replay_filter.hpp"

#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

namespace nightjar::relay {
namespace {

__extension__ using Wide = unsigned __int128;

// The bits of one tag. Tags come out of a key expansion and are uniform already, so their own bytes
// are the hash values: three words of them make a quadratic sequence (Dillinger and Manolios'
// enhanced double hashing, with a drawn third difference), which behaves like independent hashes.
class Probes {
 public:
    Probes(const packet::ReplayTag& tag, std::uint64_t bits) : bits_{bits} {
        std::memcpy(&at_, tag.bytes.data(), sizeof at_);
        std::memcpy(&step_, tag.bytes.data() + 8, sizeof step_);
        std::memcpy(&bend_, tag.bytes.data() + 16, sizeof bend_);
    }
    std::uint64_t next() {
        // The high word of the product is uniform in [0, bits) without a division.
        const auto bit = static_cast<std::uint64_t>((Wide{at_} * bits_) >> 64);
        at_ += step_;
        step_ += bend_;
        return bit;
    }

 private:
    std::uint64_t bits_;
    std::uint64_t at_ = 0;
    std::uint64_t step_ = 0;
    std::uint64_t bend_ = 0;
};

}  // namespace

std::size_t ReplayFilter::bytes_for(std::uint64_t packets) {
    constexpr std::size_t bytes_min = 64;  // below that the formula's asymptotics do not hold
    return std::max<std::size_t>(bytes_min, (packets * bits_per_tag + 7) / 8);
}

ReplayFilter::ReplayFilter(base::ByteSpan memory) : memory_{memory} {
    assert(!memory_.empty());
}

bool ReplayFilter::insert(const packet::ReplayTag& tag) {
    Probes bits{tag, std::uint64_t{memory_.size()} * 8};
    bool fresh = false;
    for (unsigned i = 0; i < probes; ++i) {
        const auto bit = bits.next();
        auto& byte = memory_[bit / 8];
        const auto mask = static_cast<std::uint8_t>(1u << (bit % 8));
        fresh |= (byte & mask) == 0;
        byte |= mask;
    }
    return fresh;
}

double ReplayFilter::false_alarm_rate() const {
    std::uint64_t set = 0;
    for (const auto byte : memory_)
        set += static_cast<unsigned>(std::popcount(byte));
    const double share = static_cast<double>(set) / (8.0 * static_cast<double>(memory_.size()));
    return std::pow(share, probes);
}

}  // namespace nightjar::relay

#include "client/core/sealer.hpp"

#include <algorithm>

#include "sphinx/base/check.hpp"

namespace nightjar::client::core {
namespace {

class PacketSealer final : public Sealer {
 public:
    bool forward(std::span<const packet::Hop> route, const base::Destination& destination,
                 base::ByteView message, base::Random& random, base::ByteSpan packet) override {
        const auto built =
            packet::build(packet::Version::v260, route, destination, base::SurbId{}, message,
                          packet::payload_size, packet::HeaderRandomness::draw(random));
        return built && copy(*built, packet);
    }

    std::optional<packet::MadeSurb> surb(std::span<const packet::Hop> route,
                                         const base::Destination& destination,
                                         const base::SurbId& identifier,
                                         base::Random& random) override {
        auto made = packet::make_surb(route, destination, identifier,
                                      packet::HeaderRandomness::draw(random));
        if (!made) return std::nullopt;
        return std::move(*made);
    }

    bool reply(const packet::Surb& surb, base::ByteView message, base::ByteSpan packet) override {
        return bool{packet::use_surb(surb, message, packet)};
    }

    std::optional<base::Bytes> recover(const packet::SurbKeys& recovery,
                                       base::ByteView payload) override {
        auto message = packet::recover(recovery, payload);
        if (!message) return std::nullopt;
        return std::move(*message);
    }

 private:
    static bool copy(base::ByteView from, base::ByteSpan to) {
        NIGHTJAR_CHECK(from.size() == to.size());
        std::copy(from.begin(), from.end(), to.begin());
        return true;
    }
};

}  // namespace

std::unique_ptr<Sealer> packet_sealer() {
    return std::make_unique<PacketSealer>();
}

}  // namespace nightjar::client::core

#include "client/protocol/other_gateways.hpp"

#include <sodium.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sphinx/base/codec.hpp"
#include "sphinx/directory/route.hpp"

namespace nightjar::client::protocol {

namespace {

/// So much is drawn after each moment, so that not all clients ask in one second.
base::Nanoseconds spread(base::Nanoseconds validity) {
    return std::min<base::Nanoseconds>(base::Seconds{60}, validity / 120);
}

base::Nanoseconds validity_of(const directory::Document& document) {
    return document.valid_until - document.valid_from;
}

/// Moment 1 is at five eighths. At half, the next document's epoch begins: gateways have it from
/// then on, and the client's own has until the first moment to send it.
base::Wall moment(const directory::Document& document, int number) {
    return document.valid_from +
           std::chrono::floor<base::Milliseconds>(validity_of(document) * (4 + number) / 8);
}

/// An exponential time with the capacity as its rate, the same at each call. Sorted by these times,
/// gateways are drawn by capacity without replacement (Efraimidis and Spirakis 2006).
double draw(const directory::Relay& gateway, base::Wall kept_until) {
    base::ByteArray<8 + sizeof(base::NodeId)> text{};
    base::Writer out{text};
    const auto seconds = std::chrono::floor<base::Seconds>(kept_until).time_since_epoch().count();
    out.u64(static_cast<std::uint64_t>(seconds));
    out.bytes(gateway.identity.bytes);
    base::ByteArray<32> hash{};
    crypto_generichash(hash.data(), hash.size(), text.data(), text.size(), nullptr, 0);
    base::Reader in{hash};
    const double unit = (static_cast<double>(in.u64() >> 11) + 0.5) / 9007199254740992.0;  // 2^53
    return -std::log(unit) / gateway.capacity;
}

}  // namespace

base::Wall next_own_request(const directory::Document& document, base::Wall now,
                            base::Random& random) {
    const auto length = document.parameters.epoch_length;
    const auto part =
        std::chrono::duration_cast<base::Milliseconds>(length) / own_requests_per_epoch;
    const auto begin = directory::epoch_start(document.epoch, length);
    const auto next = begin + ((now - begin) / part + 1) * part;
    return next + base::Milliseconds{static_cast<std::int64_t>(
                      random.below(static_cast<std::uint64_t>(part.count())))};
}

std::vector<const directory::Relay*> other_gateways(const directory::Document& document,
                                                    const directory::Relay& own,
                                                    base::Wall kept_until) {
    std::vector<std::pair<double, const directory::Relay*>> drawn;
    for (const auto& relay : document.relays)
        if (relay.role == directory::Role::gateway && relay.capacity > 0)
            drawn.emplace_back(draw(relay, kept_until), &relay);
    std::sort(drawn.begin(), drawn.end());
    std::vector<const directory::Relay*> others;
    for (const auto& [time, relay] : drawn) {
        if (others.size() == other_gateways_max) break;
        const auto apart = [gateway = relay](const directory::Relay& other) {
            return directory::may_share_route(*gateway, other);  // false for itself, too
        };
        if (apart(own) && std::all_of(others.begin(), others.end(),
                                      [&](const auto* other) { return apart(*other); }))
            others.push_back(relay);
    }
    return others;
}

void OtherGateways::plan(const directory::Document& document, base::Wall now,
                         base::Random& random) {
    const auto validity = validity_of(document);
    const auto past = now - validity / 32;
    while (number_ <= other_gateways_max && moment(document, number_) < past)
        ++number_;
    const auto most = static_cast<std::uint64_t>(spread(validity) / base::Milliseconds{1});
    at_ = moment(document, number_) +
          base::Milliseconds{static_cast<std::int64_t>(random.below(most + 1))};
}

std::optional<std::size_t> OtherGateways::due(const directory::Document& document, base::Wall now,
                                              base::Random& random) {
    if (epoch_ != document.epoch) {
        epoch_ = document.epoch;
        number_ = 1;
        asked_ = 0;
        plan(document, now, random);
    }
    if (number_ > other_gateways_max || now < at_) return std::nullopt;
    const auto before = number_;
    plan(document, now, random);
    if (number_ != before) return std::nullopt;  // long past
    ++number_;
    plan(document, now, random);
    return asked_++;
}

}  // namespace nightjar::client::protocol

#include "client/core/routes.hpp"

#include <algorithm>

namespace nightjar::client::core {

std::vector<std::size_t> layers_to_keep(std::size_t layers, std::uint32_t fixed_hops) {
    std::vector<std::size_t> order;
    if (layers == 0) return order;
    const auto middle = (layers - 1) / 2;
    order.push_back(middle);
    for (std::size_t layer = 0; layer < layers; ++layer)
        if (layer != middle) order.push_back(layer);
    order.resize(std::min<std::size_t>(order.size(), fixed_hops));
    return order;
}

std::optional<std::uint8_t> SessionRoutes::first_kept_layer(
    const directory::Document& document) const {
    const auto layers = layers_to_keep(document.layers(), fixed_hops_);
    if (layers.empty()) return std::nullopt;
    return static_cast<std::uint8_t>(layers.front() + 1);
}

base::NodeId SessionRoutes::kept(std::uint8_t layer) const {
    return layer <= kept_.size() ? kept_[layer - 1u] : base::NodeId{};
}

void SessionRoutes::keep(std::uint8_t layer, const base::NodeId& mix) {
    if (kept_.size() < layer) kept_.resize(layer);
    kept_[layer - 1u] = mix;
    found_.clear();
}

const std::vector<const directory::Relay*>& SessionRoutes::find_kept(
    const directory::Document& document, const directory::Relay& gateway,
    const directory::Relay& exit, base::Random& random) {
    if (!found_.empty()) return found_;
    kept_.resize(document.layers());
    found_.assign(kept_.size(), nullptr);
    bool all = !kept_.empty();
    const auto layers = layers_to_keep(kept_.size(), fixed_hops_);
    for (const auto layer : layers) {
        found_[layer] = document.find(kept_[layer]);
        all = all && found_[layer] != nullptr;
    }
    if (all) return found_;
    // The session is new, or a mix has left the network: keep the mixes that are left, draw the
    // rest.
    const auto drawn = directory::choose_mixes(document, {&gateway, &exit}, found_, random);
    for (const auto layer : layers) {
        if (drawn) found_[layer] = (*drawn)[layer];
        if (found_[layer] != nullptr) kept_[layer] = found_[layer]->identity;
    }
    return found_;
}

std::optional<directory::Route> SessionRoutes::forward(const directory::Document& document,
                                                       const directory::Relay& gateway,
                                                       base::Random& random) {
    const auto* exit = document.find(exit_);
    if (exit == nullptr) return std::nullopt;
    return directory::forward_route(document, gateway, *exit,
                                    find_kept(document, gateway, *exit, random), random);
}

std::optional<directory::Route> SessionRoutes::reply(const directory::Document& document,
                                                     const directory::Relay& gateway,
                                                     base::Random& random) {
    const auto* exit = document.find(exit_);
    if (exit == nullptr) return std::nullopt;
    return directory::reply_route(document, *exit, gateway,
                                  find_kept(document, gateway, *exit, random), random);
}

std::optional<std::vector<packet::Hop>> to_hops(const directory::Document& document,
                                                const directory::Route& route, base::Epoch epoch,
                                                base::Random& random) {
    std::vector<packet::Hop> hops;
    hops.reserve(route.size());
    for (const auto* relay : route) {
        const auto* key = document.mix_key(*relay, epoch);
        if (key == nullptr) return std::nullopt;
        hops.push_back({.address = relay->identity, .key = *key});
    }
    const auto& law = document.parameters;
    for (std::size_t i = 0; i + 1 < hops.size(); ++i)
        hops[i].delay_ns = static_cast<std::uint64_t>(law.draw_delay(random).count());
    return hops;
}

}  // namespace nightjar::client::core

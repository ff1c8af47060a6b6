#include "relay/engine_options.hpp"

#include "sphinx/base/address.hpp"

namespace nightjar::relay {

io::EngineOptions engine_options(const operation::Loaded& loaded) {
    const auto& document = *loaded.document.document;
    io::EngineOptions options;
    options.links.self = loaded.identity.id;
    options.links.network = directory::network_id(loaded.document_file.anchors());
    for (const auto& at : loaded.config.listen)
        options.links.listen.emplace_back(boost::asio::ip::make_address(at.host), at.port);
    options.links.clients_max = operation::clients_max(loaded.config, document);
    for (const auto& service : loaded.anchors.services)
        options.links.authorities.insert(base::IpAddress::parse(service.address.host).value());
    options.workers = loaded.config.workers;
    options.pipeline.lab_drop_share = loaded.config.lab_drop_share;
    options.pipeline.replay_room = operation::replay_room(loaded.config, document);
    options.links.packets_per_second = options.pipeline.replay_room.per_second;
    if (loaded.config.is_exit()) {
        options.exit = {operation::make_exit_policy(loaded.config, document),
                        loaded.config.dns_servers, loaded.name_keeper, loaded.dial_keeper};
    }
    return options;
}

}  // namespace nightjar::relay

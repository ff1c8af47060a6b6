#include "relay/identity.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "sphinx/node/key_file.hpp"
#include "sphinx/node/unique_fd.hpp"

namespace nightjar::relay {

namespace fs = std::filesystem;

namespace {

Identity from_seeds(base::Secret<32> identity_seed, base::Secret<32> link_seed) {
    Identity identity;
    identity.id.bytes = node::ed25519_public(identity_seed);
    identity.link_key.bytes = node::ed25519_public(link_seed);
    identity.identity_seed = std::move(identity_seed);
    identity.link_seed = std::move(link_seed);
    return identity;
}

}  // namespace

Identity Identity::create(const fs::path& folder) {
    node::write_key(folder / "identity.key", node::KeyKind::identity, node::new_key());
    node::write_key(folder / "link.key", node::KeyKind::link, node::new_key());
    return load(folder);
}

Identity Identity::load(const fs::path& folder) {
    auto identity_seed = node::read_key(folder / "identity.key", node::KeyKind::identity);
    auto link_seed = node::read_key(folder / "link.key", node::KeyKind::link);
    return from_seeds(std::move(identity_seed), std::move(link_seed));
}

directory::Relay describe(const RelayConfig& config, const Identity& identity) {
    directory::Relay relay;
    relay.identity = identity.id;
    relay.role = config.role;
    relay.layer = config.layer;
    relay.addresses = config.announced();
    relay.link_key = identity.link_key;
    relay.name = config.name;
    relay.exit_policy = policy_summary(config.exit_rules);
    return relay;
}

void replace_file(const fs::path& file, std::string_view text, Disk disk) {
    const auto fail = [&] {
        throw std::system_error{errno, std::generic_category(),
                                file.string() + ": cannot be written"};
    };
    const auto fresh = file.string() + ".new";
    const node::UniqueFd fd{
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644)};
    if (!fd) fail();
    while (!text.empty()) {
        const auto n = ::write(fd.get(), text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail();
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    if (disk == Disk::wait && ::fsync(fd.get()) != 0) fail();
    if (std::rename(fresh.c_str(), file.c_str()) != 0) fail();
}

}  // namespace nightjar::relay

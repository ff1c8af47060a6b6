#include "relay/keys/identity.hpp"

#include "sphinx/node/files/key_file.hpp"

namespace nightjar::relay::keys {

namespace fs = std::filesystem;

namespace {

Identity from_seeds(base::Secret<32> identity_seed, base::Secret<32> link_seed) {
    Identity identity;
    identity.id.bytes = node::files::ed25519_public(identity_seed);
    identity.link_key.bytes = node::files::ed25519_public(link_seed);
    identity.identity_seed = base::Locked{std::move(identity_seed)};
    identity.link_seed = base::Locked{std::move(link_seed)};
    return identity;
}

}  // namespace

Identity Identity::create(const fs::path& folder) {
    node::files::write_key(folder / "identity.key", node::files::KeyKind::identity,
                           node::files::new_key());
    node::files::write_key(folder / "link.key", node::files::KeyKind::link, node::files::new_key());
    return load(folder);
}

Identity Identity::load(const fs::path& folder) {
    auto identity_seed =
        node::files::read_key(folder / "identity.key", node::files::KeyKind::identity);
    auto link_seed = node::files::read_key(folder / "link.key", node::files::KeyKind::link);
    return from_seeds(std::move(identity_seed), std::move(link_seed));
}

}  // namespace nightjar::relay::keys

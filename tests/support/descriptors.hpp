// Descriptors of test relays: a relay's secret keys, and the descriptors that they prove.
#pragma once

#include <sodium.h>

#include <string>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/signature.hpp"

namespace nightjar::test {

/// What test relays say they run.
inline constexpr directory::BuildHash build{0xb1};

struct RelayKeys {
    base::Secret<32> identity, link, mix, next_mix;

    explicit RelayKeys(base::Random& random) {
        for (auto* secret : {&identity, &link, &mix, &next_mix})
            random.fill(secret->span());
    }

    /// Puts the public halves into the relay.
    void name_in(directory::Relay& relay) const {
        relay.identity = directory::sign_text("", identity).authority;
        relay.link_key.bytes = directory::sign_text("", link).authority.bytes;
        crypto_scalarmult_base(relay.mix_key.bytes.data(), mix.data());
        crypto_scalarmult_base(relay.next_mix_key.bytes.data(), next_mix.data());
    }
    /// The mix keys of the next epoch.
    void turn(base::Random& random) {
        mix = next_mix.copy();
        random.fill(next_mix.span());
    }
    directory::DescriptorKeys secrets() const { return {identity, link, mix, next_mix}; }
    /// The descriptor of a relay with these keys.
    std::string describe(directory::Relay relay, base::Epoch epoch, base::Wall made = {},
                         std::uint32_t capacity = 1) const {
        name_in(relay);
        return directory::make_descriptor({epoch, made, build, std::move(relay), capacity},
                                          secrets());
    }
};

}  // namespace nightjar::test

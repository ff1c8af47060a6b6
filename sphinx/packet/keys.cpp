#include "sphinx/packet/keys.hpp"

#include <sodium.h>

#include <algorithm>

#include "sphinx/packet/key_schedule.hpp"

namespace nightjar::packet {

KeyPair generate_key_pair(base::Random& random) {
    KeyPair pair;
    random.fill(pair.secret.span());
    pair.public_key = public_key_of(pair.secret);
    return pair;
}

PublicKey public_key_of(const SecretKey& secret) {
    PublicKey key;
    crypto_scalarmult_base(key.bytes.data(), secret.data());
    return key;
}

base::Result<SharedSecret, Error> agree(const SecretKey& secret, const PublicKey& point) {
    SharedSecret shared;
    if (crypto_scalarmult(shared.data(), secret.data(), point.bytes.data()) != 0)
        return base::Fail{Error::low_order};
    return shared;
}

HopKeys expand(const SharedSecret& shared) {
    HopKeys keys;
    expand_each<1>({&shared}, {&keys});
    return keys;
}

PayloadKey payload_key(const PayloadSeed& seed) {
    PayloadKey key;
    payload_key_each<1>({&seed}, {&key});
    return key;
}

}  // namespace nightjar::packet

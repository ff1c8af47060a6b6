#include "sphinx/node/link/self_signed.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace nightjar::node::link {

void require_openssl(bool ok, const char* what) {
    if (ok) return;
    ERR_clear_error();
    throw std::runtime_error(std::string{"OpenSSL refuses "} + what);
}

EvpKey ed25519_key(const base::Secret<32>& seed) {
    // RFC 8410: the bytes before an Ed25519 seed in PKCS #8. EVP_PKEY_new_raw_private_key() would
    // copy the seed to the common heap; what is decoded goes to OpenSSL's secure heap, if there is
    // one (key_memory.hpp).
    constexpr std::array<std::uint8_t, 16> head{0x30, 0x2e, 2,    1,    0, 0x30, 5, 6,
                                                3,    0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20};
    base::Secret<head.size() + 32> encoded;
    std::copy(head.begin(), head.end(), encoded.data());
    std::copy_n(seed.data(), seed.size(), encoded.data() + head.size());
    const unsigned char* at = encoded.data();
    EvpKey key{d2i_PrivateKey(EVP_PKEY_ED25519, nullptr, &at, long{encoded.size()})};
    require_openssl(key != nullptr, "our Ed25519 key");
    return key;
}

Certificate self_signed(EVP_PKEY* key) {
    Certificate certificate{X509_new()};
    require_openssl(certificate != nullptr, "a certificate");
    X509* x = certificate.get();
    bool ok = X509_set_version(x, X509_VERSION_3) == 1;
    ok = ok && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1;
    ok = ok && ASN1_TIME_set_string(X509_getm_notBefore(x), "19700101000000Z") == 1;
    ok = ok && ASN1_TIME_set_string(X509_getm_notAfter(x), "99991231235959Z") == 1;
    X509_NAME* name = X509_get_subject_name(x);
    const auto* text = reinterpret_cast<const unsigned char*>("nightjar");
    ok = ok && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1;
    ok = ok && X509_set_issuer_name(x, name) == 1;
    ok = ok && X509_set_pubkey(x, key) == 1;
    ok = ok && X509_sign(x, key, nullptr) > 0;
    require_openssl(ok, "to sign our certificate");
    return certificate;
}

}  // namespace nightjar::node::link

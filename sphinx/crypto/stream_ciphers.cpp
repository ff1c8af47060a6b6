#include "sphinx/crypto/stream_ciphers.hpp"

#include <openssl/evp.h>

#include <memory>
#include <new>
#include <stdexcept>

namespace nightjar::crypto {

namespace {

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

Context make_context(const EVP_CIPHER* cipher) {
    Context context{EVP_CIPHER_CTX_new()};
    if (!context || EVP_EncryptInit_ex2(context.get(), cipher, nullptr, nullptr, nullptr) != 1)
        throw std::bad_alloc{};
    return context;
}

// OpenSSL's IV is a 64-bit counter and a 64-bit nonce for ChaCha20, and the counter for AES-CTR.
constexpr base::ByteArray<16> zero_iv{};

void apply(EVP_CIPHER_CTX* context, const std::uint8_t* key, base::ByteSpan data) {
    int written = 0;
    if (EVP_EncryptInit_ex2(context, nullptr, key, zero_iv.data(), nullptr) != 1 ||
        EVP_EncryptUpdate(context, data.data(), &written, data.data(),
                          static_cast<int>(data.size())) != 1)
        throw std::runtime_error("OpenSSL refuses a stream cipher that it has accepted before");
}

}  // namespace

struct StreamCiphers::Contexts {
    Context aes = make_context(EVP_aes_128_ctr());
    Context chacha = make_context(EVP_chacha20());
};

StreamCiphers::Contexts& StreamCiphers::of_this_thread() {
    static thread_local Contexts contexts;
    return contexts;
}

StreamCiphers::StreamCiphers() : contexts_{of_this_thread()} {}

// Setting a new key is not enough: the context keeps the last block of the old keystream, in case a
// later update continues within the block. Encrypting one byte replaces that block.
StreamCiphers::~StreamCiphers() {
    static constexpr base::ByteArray<32> zero_key{};
    for (auto* context : {contexts_.aes.get(), contexts_.chacha.get()}) {
        std::uint8_t byte = 0;
        int written = 0;
        EVP_EncryptInit_ex2(context, nullptr, zero_key.data(), zero_iv.data(), nullptr);
        EVP_EncryptUpdate(context, &byte, &written, &byte, 1);
    }
}

void StreamCiphers::aes_ctr(const base::Secret<16>& key, base::ByteSpan data) {
    apply(contexts_.aes.get(), key.data(), data);
}

void StreamCiphers::chacha20(const base::Secret<32>& key, base::ByteSpan data) {
    apply(contexts_.chacha.get(), key.data(), data);
}

}  // namespace nightjar::crypto

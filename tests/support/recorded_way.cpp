#include "tests/support/recorded_way.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace nightjar::test {

namespace {

constexpr std::size_t header_size = 5, tag_size = 16, block_size = 16;
constexpr std::size_t cell_record = cell::cell_size + 1 + tag_size, update_record = 22;
constexpr std::uint8_t application_data = 23;
// A HELLO of version 1 (docs/link.md): control cell, epoch 0, reserved 0, type 1, version.
constexpr base::ByteArray<6> first_plain{3, 0, 0, 1, 0, 1};

using Block = base::ByteArray<block_size>;
using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

void require(bool done) {
    if (!done) throw std::runtime_error{"OpenSSL failed"};
}

Context cipher(const EVP_CIPHER* kind, const LinkKey& key, const std::uint8_t* iv, bool encrypts) {
    Context context{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
    require(context &&
            EVP_CipherInit_ex(context.get(), kind, nullptr, key.data(), iv, encrypts ? 1 : 0) == 1);
    EVP_CIPHER_CTX_set_padding(context.get(), 0);
    return context;
}

Block one_block(const LinkKey& key, const Block& in, bool encrypts) {
    Block out{};
    int length = 0;
    require(EVP_CipherUpdate(cipher(EVP_aes_256_ecb(), key, nullptr, encrypts).get(), out.data(),
                             &length, in.data(), int{block_size}) == 1);
    return out;
}

/// GHASH's field, with its first bit as the highest one.
struct Element {
    std::uint64_t high = 0, low = 0;
};

Element element(base::ByteView bytes) {
    Element made;
    for (std::size_t i = 0; i < 8; ++i) {
        made.high = made.high << 8 | (i < bytes.size() ? bytes[i] : 0U);
        made.low = made.low << 8 | (i + 8 < bytes.size() ? bytes[i + 8] : 0U);
    }
    return made;
}

Element product(const Element& a, Element b) {
    Element sum;
    for (int bit = 0; bit < 128; ++bit) {
        const bool set = (bit < 64 ? a.high >> (63 - bit) : a.low >> (127 - bit)) & 1U;
        if (set) {
            sum.high ^= b.high;
            sum.low ^= b.low;
        }
        const bool carry = b.low & 1U;
        b.low = b.low >> 1U | b.high << 63U;
        b.high = b.high >> 1U ^ (carry ? 0xe100000000000000U : 0U);
    }
    return sum;
}

void absorb(Element& state, const Element& key, base::ByteView bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += block_size) {
        const auto next = element(bytes.subspan(at, std::min(block_size, bytes.size() - at)));
        state = product({state.high ^ next.high, state.low ^ next.low}, key);
    }
}

/// The counter block that the tag was made with, if this is the record's key.
Block counter_block(const LinkKey& key, base::ByteView record) {
    const auto hash_key = element(one_block(key, {}, true));
    const auto body = record.subspan(header_size);
    const auto sealed = body.first(body.size() - tag_size);
    Element state;
    absorb(state, hash_key, record.first(header_size));
    absorb(state, hash_key, sealed);
    state = product({state.high ^ header_size * 8, state.low ^ sealed.size() * 8}, hash_key);
    Block block;
    std::ranges::copy(body.last(tag_size), block.begin());
    for (std::size_t i = 0; i < 8; ++i) {
        block[i] ^= static_cast<std::uint8_t>(state.high >> (56 - 8 * i));
        block[i + 8] ^= static_cast<std::uint8_t>(state.low >> (56 - 8 * i));
    }
    return one_block(key, block, false);
}

Iv nonce(const Iv& iv, std::size_t number) {
    auto made = iv;
    for (std::size_t i = 0; i < 8; ++i)
        made[4 + i] ^= static_cast<std::uint8_t>(number >> (56 - 8 * i));
    return made;
}

/// HKDF-Expand-Label with an empty context, for at most 48 bytes.
void expand_label(const TrafficSecret& secret, std::string_view label, base::ByteSpan out) {
    base::Bytes info{0, static_cast<std::uint8_t>(out.size()),
                     static_cast<std::uint8_t>(label.size())};
    info.insert(info.end(), label.begin(), label.end());
    info.insert(info.end(), {0, 1});  // no context; the first block
    base::ByteArray<EVP_MAX_MD_SIZE> made;
    unsigned length = 0;
    require(HMAC(EVP_sha384(), secret.data(), int{sizeof secret}, info.data(), info.size(),
                 made.data(), &length) != nullptr);
    std::copy_n(made.begin(), out.size(), out.begin());
}

}  // namespace

RecordKeys keys_of(const TrafficSecret& secret) {
    RecordKeys keys;
    expand_label(secret, "tls13 key", keys.key);
    expand_label(secret, "tls13 iv", keys.iv);
    return keys;
}

Pad first_pad(const RecordKeys& keys) {
    Pad counter{};
    std::ranges::copy(keys.iv, counter.begin());
    counter[15] = 2;  // 1 is the tag's
    return one_block(keys.key, counter, true);
}

RecordedWay::RecordedWay(base::ByteView bytes) {
    while (bytes.size() >= header_size) {
        const std::size_t length = std::size_t{bytes[3]} << 8U | bytes[4];
        if (bytes.size() < header_size + length) break;
        const auto record = bytes.first(header_size + length);
        if (bytes[0] == application_data && length == cell_record)
            phases_.back().push_back(record);
        else if (bytes[0] == application_data && length == update_record && !phases_.back().empty())
            phases_.emplace_back();
        bytes = bytes.subspan(record.size());
    }
    if (phases_.back().empty()) phases_.pop_back();
}

std::optional<RecordKeys> RecordedWay::open_by(const LinkKey& key, const Phase& phase) {
    const auto block = counter_block(key, phase.front());
    if (block[12] != 0 || block[13] != 0 || block[14] != 0 || block[15] != 1) return std::nullopt;
    RecordKeys keys{.key = key};
    std::copy_n(block.begin(), keys.iv.size(), keys.iv.begin());  // the number of the first is 0
    if (!decrypt(keys, phase, phase.size() - 1)) return std::nullopt;
    return keys;
}

bool RecordedWay::begins_under(const Pad& pad) const {
    if (phases_.empty()) return false;
    const auto sealed = phases_.front().front().subspan(header_size);
    for (std::size_t i = 0; i < first_plain.size(); ++i)
        if ((sealed[i] ^ pad[i]) != first_plain[i]) return false;
    return true;
}

std::optional<PlainCell> RecordedWay::decrypt(const RecordKeys& keys, const Phase& phase,
                                              std::size_t number) {
    const auto record = phase[number];
    const auto body = record.subspan(header_size);
    const auto iv = nonce(keys.iv, number);
    auto context = cipher(EVP_aes_256_gcm(), keys.key, iv.data(), false);
    base::ByteArray<cell::cell_size + 1> plain;
    base::ByteArray<tag_size> tag;
    std::ranges::copy(body.last(tag_size), tag.begin());
    int length = 0;
    require(
        EVP_CipherUpdate(context.get(), nullptr, &length, record.data(), int{header_size}) == 1 &&
        EVP_CipherUpdate(context.get(), plain.data(), &length, body.data(),
                         static_cast<int>(plain.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, int{tag_size}, tag.data()) == 1);
    if (EVP_CipherFinal_ex(context.get(), plain.data() + plain.size(), &length) != 1)
        return std::nullopt;
    PlainCell cell;
    std::copy_n(plain.begin(), cell.size(), cell.begin());
    return cell;
}

}  // namespace nightjar::test

#include "sphinx/node/https/zstd.hpp"

#include <zstd.h>

#include <algorithm>
#include <memory>
#include <new>

namespace nightjar::node::https {

namespace {

constexpr std::string_view magic{"\x28\xB5\x2F\xFD", 4};
// Most bytes are random digits. Higher levels find short matches among them, which cost more than
// they save: levels 3 to 15 make more bytes than this one, and only 16 and above a few per cent
// fewer, in a hundred times the time (docs/decisions/0086-zstd-beside-gzip.md).
constexpr int level = 1;
constexpr int window_log_max = 23;
constexpr std::size_t step = 64 * 1024;

template <class Context, std::size_t (*free)(Context*)>
struct Freed {
    void operator()(Context* context) const { free(context); }
};
using Compressor = std::unique_ptr<ZSTD_CCtx, Freed<ZSTD_CCtx, ZSTD_freeCCtx>>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, Freed<ZSTD_DCtx, ZSTD_freeDCtx>>;

/// These calls fail if memory has run out, and for no other reason.
std::size_t require(std::size_t result) {
    if (ZSTD_isError(result)) throw std::bad_alloc{};
    return result;
}

}  // namespace

std::string zstd(std::string_view text) {
    const Compressor context{ZSTD_createCCtx()};
    if (!context) throw std::bad_alloc{};
    require(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level));
    require(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1));
    std::string packed(ZSTD_compressBound(text.size()), '\0');
    packed.resize(require(
        ZSTD_compress2(context.get(), packed.data(), packed.size(), text.data(), text.size())));
    return packed;
}

std::optional<std::string> unzstd(std::string_view packed, std::size_t size_max) {
    // The library would also read formats before RFC 8878, and skip frames that hold no text.
    if (!packed.starts_with(magic)) return std::nullopt;
    const Decompressor context{ZSTD_createDCtx()};
    if (!context) throw std::bad_alloc{};
    require(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log_max));
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    std::string text;
    std::size_t left = 1;  // zero at the frame's end
    while (left != 0 && text.size() <= size_max) {
        const auto begin = text.size();
        text.resize(std::min(begin + step, size_max + 1));
        ZSTD_outBuffer out{text.data(), text.size(), begin};
        left = ZSTD_decompressStream(context.get(), &out, &in);
        if (ZSTD_isError(left)) return std::nullopt;
        text.resize(out.pos);
        if (text.size() == begin && in.pos == in.size) break;  // it is cut, or at its end
    }
    if (left != 0 || in.pos != in.size || text.size() > size_max) return std::nullopt;
    return text;
}

}  // namespace nightjar::node::https

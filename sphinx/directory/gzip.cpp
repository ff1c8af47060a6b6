#include "sphinx/directory/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>

namespace nightjar::directory {

namespace {

constexpr int gzip_window = 15 + 16;  // 32 KiB, and gzip's header alone
constexpr std::size_t step = 64 * 1024;

Bytef* bytes(std::string_view text) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib does not write there
}

}  // namespace

std::string gzip(std::string_view text) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, 9, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        throw std::bad_alloc{};
    std::string packed(deflateBound(&stream, text.size()), '\0');
    stream.next_in = bytes(text);
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = bytes(packed);
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

std::optional<std::string> gunzip(std::string_view packed, std::size_t size_max) {
    z_stream stream{};
    if (inflateInit2(&stream, gzip_window) != Z_OK) throw std::bad_alloc{};
    stream.next_in = bytes(packed);
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string text;
    int result = Z_OK;
    while (result == Z_OK && text.size() <= size_max) {
        const auto begin = text.size();
        text.resize(std::min(begin + step, size_max + 1));
        stream.next_out = bytes(text) + begin;
        stream.avail_out = static_cast<uInt>(text.size() - begin);
        result = inflate(&stream, Z_NO_FLUSH);
        text.erase(stream.total_out);
        if (text.size() == begin && stream.avail_in == 0) break;  // it is cut
    }
    const bool whole = result == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    if (!whole || text.size() > size_max) return std::nullopt;
    return text;
}

}  // namespace nightjar::directory

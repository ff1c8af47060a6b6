// What a gateway hands out as a document: a text within its bound comes of it, or a sentence. An
// input that begins with s is the text of a diff, and one with t a text to which a diff is made.
#include "sphinx/directory/packed.hpp"

#include <algorithm>

#include "sphinx/directory/gzip.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar::directory;

namespace {

nightjar::fuzz::Depth whole{"a whole document's stream"};
nightjar::fuzz::Depth no_stream{"no gzip stream"};
nightjar::fuzz::Depth no_diff{"a stream that is no diff"};
nightjar::fuzz::Depth other{"a diff of another document"};
nightjar::fuzz::Depth made{"a diff that makes its text"};

const Document& held() {
    static const auto document = [] {
        Document one;
        one.network = "x";
        one.relays.resize(2);
        one.relays.back().name = "b";
        return one;
    }();
    return document;
}

using Outcome = nightjar::base::Result<std::string, std::string>;

const std::string& require_bounds(const Outcome& outcome) {
    require(outcome ? outcome->size() <= document_text_max
                    : !outcome.error().empty() && outcome.error().size() < 256);
    return outcome ? *outcome : outcome.error();
}

void try_packed(std::string_view packed) {
    const auto outcome = unpack(packed, &held());
    const auto& said = require_bounds(outcome);
    require(!is_diff(packed) || !unpack(packed, nullptr));
    if (outcome && !is_diff(packed)) whole.reach();
    if (outcome) return;
    if (said.starts_with("it is no gzip")) no_stream.reach();
    if (said.find(" line 1: ") != said.npos) no_diff.reach();
    if (said.find("of another document") != said.npos) other.reach();
}

void try_text(std::string_view text) {
    const auto printable = [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); };
    if (text.empty() || text.back() != '\n' || !std::ranges::all_of(text, printable)) return;
    const auto outcome = unpack(pack_diff(to_text(held()), text), &held());
    const auto& said = require_bounds(outcome);
    // A line of more than 1,020 bytes does not fit into a step.
    require(outcome ? said == text : said.find("longer") != said.npos);
    if (outcome) made.reach();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view rest{reinterpret_cast<const char*>(data + 1), size - 1};
    try_packed({reinterpret_cast<const char*>(data), size});
    if (data[0] == 's') try_packed("\2" + gzip(rest));
    if (data[0] == 't') try_text(rest);
    return 0;
}

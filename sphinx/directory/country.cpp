#include "sphinx/directory/country.hpp"

#include <algorithm>

namespace nightjar::directory {

namespace {

/// Pairs of letters, sorted.
constexpr std::string_view assigned =
    "adaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjblbmbnbobq"
    "brbsbtbvbwbybzcacccdcfcgchcickclcmcncocrcucvcwcxcyczdedjdkdm"
    "dodzeceeegeheresetfifjfkfmfofrgagbgdgegfggghgiglgmgngpgqgrgs"
    "gtgugwgyhkhmhnhrhthuidieiliminioiqirisitjejmjojpkekgkhkikmkn"
    "kpkrkwkykzlalblclilklrlsltlulvlymamcmdmemfmgmhmkmlmmmnmompmq"
    "mrmsmtmumvmwmxmymznancnenfngninlnonpnrnunzompapepfpgphpkplpm"
    "pnprpsptpwpyqarerorsrurwsasbscsdsesgshsisjskslsmsnsosrssstsv"
    "sxsysztctdtftgthtjtktltmtntotrtttvtwtzuaugumusuyuzvavcvevgvi"
    "vnvuwfwsyeytzazmzw";
static_assert(assigned.size() == 2 * 249);

}  // namespace

bool looks_like_country(std::string_view text) {
    return text.size() == 2 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

bool is_country(std::string_view text) {
    if (!looks_like_country(text)) return false;
    for (std::size_t i = 0; i < assigned.size(); i += 2)
        if (assigned.substr(i, 2) == text) return true;
    return false;
}

}  // namespace nightjar::directory

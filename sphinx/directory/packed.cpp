#include "sphinx/directory/packed.hpp"

#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/gzip.hpp"

namespace nightjar::directory {

namespace {

constexpr char whole_form = 1, diff_form = 2;

base::Fail<std::string> refused(std::string why) {
    return {std::move(why)};
}

}  // namespace

std::string pack(std::string_view text) {
    return whole_form + gzip(text);
}

std::string pack_diff(std::string_view older, std::string_view newer) {
    return diff_form + gzip(make_diff(older, newer));
}

bool is_diff(std::string_view packed) {
    return packed.starts_with(diff_form);
}

base::Result<std::string, std::string> unpack(std::string_view packed, const Document* held) {
    const bool diff = is_diff(packed);
    if (!diff && !packed.starts_with(whole_form)) return refused("it has no known form");
    if (diff && held == nullptr) return refused("it is a diff, and none was asked for");
    auto text = gunzip(packed.substr(1), document_text_max);
    if (!text) return refused("it is no gzip stream of at most 1 MiB");
    if (!diff) return *std::move(text);
    auto made = apply_diff(to_text(*held), *text);
    if (made) return *std::move(made);
    return refused("its diff is of no use in line " + std::to_string(made.error().line) + ": " +
                   made.error().reason);
}

void PackedDocuments::use(const SignedDocument& document) {
    diff_.reset();
    auto whole = std::make_shared<const std::string>(pack(*document.text));
    if (whole_ != nullptr && current_.document->epoch < document.document->epoch) {
        auto diff = pack_diff(*current_.text, *document.text);
        if (diff.size() < whole->size())
            diff_ = std::make_shared<const std::string>(std::move(diff));
        before_ = current_.document->epoch;
    }
    whole_ = std::move(whole);
    current_ = document;
}

PackedDocuments::Answer PackedDocuments::answer(base::Epoch have) const {
    if (whole_ == nullptr || current_.document->epoch <= have) return {};
    return {current_.document->epoch, diff_ != nullptr && have == before_ ? diff_ : whole_};
}

}  // namespace nightjar::directory

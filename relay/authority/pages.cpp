#include "relay/authority/pages.hpp"

#include <iterator>

#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/gzip.hpp"
#include "sphinx/directory/statement.hpp"

namespace nightjar::relay::authority {

namespace {

Page packed(std::string text) {
    auto small = directory::gzip(text);
    return {std::move(text), std::move(small)};
}

Pages text_alone(const Archive& archive, base::Epoch epoch) {
    Pages pages;
    pages.document.text = archive.document(epoch).value();
    pages.etag = directory::etag(epoch, directory::signed_part(pages.document.text));
    return pages;
}

bool is_among_the_newest(const Archive& archive, base::Epoch epoch) {
    const auto& all = archive.signed_epochs();
    return static_cast<std::size_t>(std::distance(all.find(epoch), all.end())) <=
           PageStore::epochs_max;
}

}  // namespace

Pages make_pages(const Archive& archive, base::Epoch epoch) {
    auto pages = text_alone(archive, epoch);
    pages.document = packed(std::move(pages.document.text));
    if (epoch.value == 0) return pages;
    const auto older = archive.document({epoch.value - 1});
    if (!older) return pages;
    auto diff = directory::make_diff(*older, pages.document.text);
    if (diff.size() < pages.document.text.size()) pages.diff = packed(std::move(diff));
    return pages;
}

const Pages* PageStore::find(const Archive& archive, base::Epoch epoch) {
    if (!archive.signed_epochs().contains(epoch)) return nullptr;
    if (!is_among_the_newest(archive, epoch)) {
        older_ = text_alone(archive, epoch);
        return &older_;
    }
    if (const auto found = newest_.find(epoch); found != newest_.end()) return &found->second;
    auto& made = newest_[epoch] = make_pages(archive, epoch);
    while (newest_.size() > epochs_max)
        newest_.erase(newest_.begin());
    return &made;
}

}  // namespace nightjar::relay::authority

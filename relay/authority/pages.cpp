#include "relay/authority/pages.hpp"

#include <iterator>

#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/gzip.hpp"
#include "sphinx/directory/statement.hpp"
#include "sphinx/node/https/zstd.hpp"

namespace nightjar::relay::authority {

namespace {

Page packed(std::string text) {
    auto gzip = directory::gzip(text);
    auto zstd = node::https::zstd(text);
    return {std::move(text), std::move(gzip), std::move(zstd)};
}

Pages text_alone(const Archive& archive, base::Epoch epoch) {
    Pages pages;
    auto text = archive.document(epoch).value();
    pages.etag = directory::etag(epoch, directory::signed_part(text));
    pages.document.text = std::move(text);
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
    pages.document = packed(pages.document.text.text());
    if (epoch.value == 0) return pages;
    const auto older = archive.document({epoch.value - 1});
    if (!older) return pages;
    auto diff = directory::make_diff(*older, pages.document.text.text());
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
    made.kept = true;
    while (newest_.size() > epochs_max)
        newest_.erase(newest_.begin());
    return &made;
}

std::optional<Listed> make_listed(const Archive& archive, base::Epoch epoch) {
    auto text = archive.listed(epoch);
    if (!text) return std::nullopt;
    return Listed{directory::etag(epoch, *text), packed(*std::move(text))};
}

/// What is not there is looked for at each request: that is one call of the kernel.
const Listed* PageStore::listed(const Archive& archive, base::Epoch epoch) {
    if (!archive.signed_epochs().contains(epoch) || !is_among_the_newest(archive, epoch))
        return nullptr;
    if (const auto found = listed_.find(epoch); found != listed_.end()) return &found->second;
    auto made = make_listed(archive, epoch);
    if (!made) return nullptr;
    auto& held = listed_[epoch] = *std::move(made);
    while (listed_.size() > epochs_max)
        listed_.erase(listed_.begin());
    return &held;
}

}  // namespace nightjar::relay::authority

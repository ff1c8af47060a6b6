#include "client/protocol/document_fetch.hpp"

#include "sphinx/directory/packed.hpp"

namespace nightjar::client::protocol {

cell::DocumentRequest DocumentFetch::begin(std::shared_ptr<const directory::Document> held,
                                           base::Mono now) {
    waiting_ = true;
    deadline_ = now + patience;
    held_ = std::move(held);
    have_ = held_ ? held_->epoch : base::Epoch{0};
    total_ = 0;
    packed_.clear();
    return {std::exchange(whole_next_, false) ? base::Epoch{0} : have_};
}

std::optional<DocumentFetch::Outcome> DocumentFetch::accept(const cell::DocumentPart& part) {
    if (!waiting_) return std::nullopt;
    waiting_ = false;  // set again below if the part is the expected one
    if (total_ == 0) {
        if (part.total == 0 || part.total > cell::document_size_max) return std::nullopt;
        if (part.epoch < have_) return std::nullopt;
        epoch_ = part.epoch;
        total_ = part.total;
    }
    const bool next = part.epoch == epoch_ && part.total == total_ &&
                      part.offset == packed_.size() && !part.bytes.empty() &&
                      part.bytes.size() <= total_ - packed_.size();
    if (!next) return std::nullopt;
    packed_ += base::as_text(part.bytes);
    if (packed_.size() == total_) return unpack();
    waiting_ = true;
    return std::nullopt;
}

DocumentFetch::Outcome DocumentFetch::unpack() {
    auto text = directory::unpack(packed_, held_.get());
    whole_next_ = !text && directory::is_diff(packed_);
    packed_ = {};
    held_.reset();
    return text;
}

bool DocumentFetch::waiting(base::Mono now) {
    if (now >= deadline_) waiting_ = false;
    return waiting_;
}

}  // namespace nightjar::client::protocol

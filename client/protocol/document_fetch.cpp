#include "client/protocol/document_fetch.hpp"

namespace nightjar::client::protocol {

cell::DocumentRequest DocumentFetch::begin(base::Epoch have, base::Mono now) {
    waiting_ = true;
    deadline_ = now + patience;
    have_ = have;
    total_ = 0;
    text_.clear();
    return {have};
}

std::optional<std::string> DocumentFetch::accept(const cell::DocumentPart& part) {
    if (!waiting_) return std::nullopt;
    waiting_ = false;  // set again below if the part is the expected one
    if (total_ == 0) {
        if (part.total == 0 || part.total > cell::document_size_max) return std::nullopt;
        if (part.epoch < have_) return std::nullopt;
        epoch_ = part.epoch;
        total_ = part.total;
    }
    const bool next = part.epoch == epoch_ && part.total == total_ && part.offset == text_.size() &&
                      !part.bytes.empty() && part.bytes.size() <= total_ - text_.size();
    if (!next) return std::nullopt;
    text_ += base::as_text(part.bytes);
    if (text_.size() == total_) return std::move(text_);
    waiting_ = true;
    return std::nullopt;
}

bool DocumentFetch::waiting(base::Mono now) {
    if (now >= deadline_) waiting_ = false;
    return waiting_;
}

}  // namespace nightjar::client::protocol

#include "relay/core/name_answers.hpp"

#include <algorithm>
#include <utility>

namespace nightjar::relay::core {

std::string canonical_name(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    std::string lower{name};
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return lower;
}

std::optional<NameAnswer> NameAnswers::find(std::string_view name, Family family,
                                            base::Mono now) const {
    const auto found = answers_.find({canonical_name(name), family});
    if (found == answers_.end() || found->second.until <= now) return std::nullopt;
    auto answer = found->second.answer;
    if (answer) answer->ttl = std::chrono::ceil<base::Seconds>(found->second.until - now);
    return answer;
}

void NameAnswers::remember(std::string_view name, Family family, const NameAnswer& answer,
                           base::Mono now) {
    const bool says_something =
        answer || answer.error() == NameError::not_found || answer.error() == NameError::no_address;
    if (!says_something) return;
    const auto ttl =
        answer ? std::clamp(answer->ttl, limits_.ttl_least, limits_.ttl_most) : limits_.negative;
    store({canonical_name(name), family}, {answer, now + ttl}, now);
}

void NameAnswers::remember_silence(std::string_view name, Family family, base::Mono now) {
    store({canonical_name(name), family}, {base::Fail{NameError::failed}, now + limits_.negative},
          now);
}

void NameAnswers::store(Key key, Entry entry, base::Mono now) {
    const auto old = answers_.find(key);
    if (old != answers_.end()) erase(old);
    if (answers_.size() >= limits_.answers_max) {
        for (auto at = answers_.begin(); at != answers_.end();) {
            const auto one = at++;
            if (one->second.until <= now) erase(one);
        }
    }
    if (answers_.size() >= limits_.answers_max) {
        erase(std::min_element(answers_.begin(), answers_.end(), [](const auto& a, const auto& b) {
            return a.second.until < b.second.until;
        }));
    }
    memory_ += weight(key, entry);
    answers_.emplace(std::move(key), std::move(entry));
}

void NameAnswers::erase(std::map<Key, Entry>::iterator at) {
    memory_ -= weight(at->first, at->second);
    answers_.erase(at);
}

void NameAnswers::clear() {
    answers_.clear();
    memory_ = 0;
}

std::size_t NameAnswers::weight(const Key& key, const Entry& entry) {
    const auto addresses = entry.answer ? entry.answer->addresses.size() : 0;
    return sizeof(decltype(answers_)::value_type) + key.name.size() +
           addresses * sizeof(base::IpAddress);
}

}  // namespace nightjar::relay::core

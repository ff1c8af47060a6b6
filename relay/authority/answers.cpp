#include "relay/authority/answers.hpp"

#include <algorithm>
#include <charconv>

#include "sphinx/directory/parameters.hpp"
#include "sphinx/directory/statement.hpp"

namespace nightjar::relay::authority {

using node::https::Answer;
using node::https::Request;

namespace {

constexpr std::int64_t newest_age_max = 60;  // seconds for which a cache may keep /document
constexpr std::string_view documents = "/document/";

std::string number(base::Epoch epoch) {
    return std::to_string(epoch.value);
}

Answer document_text(base::Epoch epoch, std::string text, std::string caching,
                     const std::string& known) {
    Answer answer;
    answer.etag = directory::etag(epoch, directory::signed_part(text));
    answer.cache_control = std::move(caching);
    if (known == answer.etag) {
        answer.status = 304;
        return answer;
    }
    answer.body = std::move(text);
    return answer;
}

Answer newest(const Archive& archive, const std::string& known, base::Seconds epoch_length,
              base::Wall now) {
    const auto current = directory::epoch_at(now, epoch_length);
    const auto& epochs = archive.signed_epochs();
    auto last = epochs.upper_bound(current);  // the next one is not valid yet
    if (last == epochs.begin()) return line(404, "there is no document yet");
    const auto epoch = *--last;
    const auto left = std::chrono::ceil<base::Seconds>(
        directory::epoch_start(current.next(), epoch_length) - now);
    const auto age = std::clamp<std::int64_t>(left.count(), 1, newest_age_max);
    return document_text(epoch, archive.document(epoch).value(),
                         "public, max-age=" + std::to_string(age), known);
}

}  // namespace

Answer line(unsigned status, std::string text) {
    Answer answer;
    answer.status = status;
    answer.body = std::move(text) + "\n";
    return answer;
}

std::optional<base::Epoch> parse_epoch(std::string_view text) {
    base::Epoch epoch;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, epoch.value);
    if (error != std::errc{} || stop != end || text != number(epoch)) return std::nullopt;
    return epoch;
}

std::string_view path_of(const Request& request) {
    return std::string_view{request.target}.substr(0, request.target.find('?'));
}

Routed route(const Request& request) {
    const auto path = path_of(request);
    const bool reads = request.method == "GET" || request.method == "HEAD";
    const bool descriptor = path == "/descriptor";
    const bool document = path == "/document" || path.starts_with(documents);
    if (!descriptor && !document)
        return {Routed::What::other,
                line(404, "POST /descriptor, GET /document or GET /document/EPOCH")};
    if (descriptor ? request.method != "POST" : !reads) {
        auto refused = line(405, "another method is needed");
        refused.allow = descriptor ? "POST" : "GET, HEAD";
        return {Routed::What::refused, std::move(refused)};
    }
    return {descriptor ? Routed::What::descriptor : Routed::What::document, {}};
}

Answer document_answer(const Archive& archive, const Request& request, base::Seconds epoch_length,
                       base::Wall now) {
    const auto path = path_of(request);
    if (path == "/document") return newest(archive, request.if_none_match, epoch_length, now);
    const auto epoch = parse_epoch(path.substr(documents.size()));
    if (!epoch) return line(404, "an epoch is a number");
    auto document = archive.document(*epoch);
    if (!document) return line(404, "there is no document of epoch " + number(*epoch));
    return document_text(*epoch, *std::move(document), "public, max-age=31536000, immutable",
                         request.if_none_match);
}

}  // namespace nightjar::relay::authority

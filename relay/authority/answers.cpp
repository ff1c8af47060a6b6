#include "relay/authority/answers.hpp"

#include <algorithm>
#include <charconv>

#include "sphinx/directory/parameters.hpp"
#include "sphinx/node/https/negotiation.hpp"

namespace nightjar::relay::authority {

using node::https::Answer;
using node::https::Coding;
using node::https::Request;

namespace {

constexpr std::int64_t newest_age_max = 60;  // seconds for which a cache may keep /document
constexpr std::string_view documents = "/document/";
constexpr std::string_view diffs = "/diff/";
constexpr std::string_view descriptors = "/descriptors/";
constexpr std::string_view for_ever = "max-age=31536000, immutable";

std::string number(base::Epoch epoch) {
    return std::to_string(epoch.value);
}

/// `kept`: the page is held for later requests too.
Answer page_answer(const Page& page, const std::string& etag, bool kept, const Request& request) {
    Answer answer;
    answer.etag = etag;
    answer.kept = kept;
    answer.varies = !page.gzip.empty();
    if (node::https::matches(request.if_none_match, etag)) {
        answer.status = 304;
        return answer;
    }
    if (answer.varies) answer.coding = request.coding;
    answer.body = answer.coding == Coding::zstd   ? page.zstd
                  : answer.coding == Coding::gzip ? page.gzip
                                                  : page.text;
    return answer;
}

/// `caching`: for how long. A document is made in the epoch before its own.
Answer dated(Answer answer, base::Epoch epoch, base::Seconds epoch_length, std::string caching) {
    answer.cache_control = "public, " + std::move(caching);
    answer.last_modified = directory::epoch_start(epoch, epoch_length) - epoch_length;
    return answer;
}

Answer newest(const Archive& archive, PageStore& pages, const Request& request,
              base::Seconds epoch_length, base::Wall now) {
    const auto current = directory::epoch_at(now, epoch_length);
    const auto& epochs = archive.signed_epochs();
    auto last = epochs.upper_bound(current);  // the next one is not valid yet
    if (last == epochs.begin()) return line(404, "there is no document yet");
    const auto epoch = *--last;
    const auto left = std::chrono::ceil<base::Seconds>(
        directory::epoch_start(current.next(), epoch_length) - now);
    const auto age = std::clamp<std::int64_t>(left.count(), 1, newest_age_max);
    const auto* found = pages.find(archive, epoch);
    return dated(page_answer(found->document, found->etag, found->kept, request), epoch,
                 epoch_length, "max-age=" + std::to_string(age));
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
    const bool document = path == "/document" || path.starts_with(documents) ||
                          path.starts_with(diffs) || path.starts_with(descriptors);
    if (!descriptor && !document)
        return {Routed::What::other,
                line(404,
                     "POST /descriptor, GET /document, /document/EPOCH, /diff/EPOCH, "
                     "/descriptors/EPOCH or /status.html")};
    if (descriptor ? request.method != "POST" : !reads) {
        auto refused = line(405, "another method is needed");
        refused.allow = descriptor ? "POST" : "GET, HEAD";
        return {Routed::What::refused, std::move(refused)};
    }
    return {descriptor ? Routed::What::descriptor : Routed::What::document, {}};
}

Answer document_answer(const Archive& archive, PageStore& pages, const Request& request,
                       base::Seconds epoch_length, base::Wall now) {
    const auto path = path_of(request);
    if (path == "/document") return newest(archive, pages, request, epoch_length, now);
    const bool diff = path.starts_with(diffs);
    const bool listed = path.starts_with(descriptors);
    const auto epoch = parse_epoch(path.substr(path.find('/', 1) + 1));
    if (!epoch) return line(404, "an epoch is a number");
    const auto missing = [&] {
        return line(404, "there " +
                             std::string{diff     ? "is no diff"
                                         : listed ? "are no descriptors"
                                                  : "is no document"} +
                             " of epoch " + number(*epoch));
    };
    const auto made = [&](const Page& page, const std::string& etag, bool kept) {
        return dated(page_answer(page, etag, kept, request), *epoch, epoch_length,
                     std::string{for_ever});
    };
    if (listed) {
        const auto* found = pages.listed(archive, *epoch);
        return found == nullptr ? missing() : made(found->page, found->etag, true);
    }
    const auto* found = pages.find(archive, *epoch);
    if (found == nullptr || (diff && found->diff.text.empty())) return missing();
    return made(diff ? found->diff : found->document, found->etag, found->kept);
}

}  // namespace nightjar::relay::authority

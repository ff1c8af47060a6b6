#include "client/protocol/document_fetch.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "sphinx/directory/packed.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using cell::DocumentPart;
using client::protocol::DocumentFetch;

namespace {

const base::Mono start{1h};

DocumentPart part(std::uint32_t epoch, std::uint32_t total, std::uint32_t offset,
                  std::size_t length) {
    return {base::Epoch{epoch}, total, offset, base::Bytes(length, 'a')};
}

std::shared_ptr<const directory::Document> held(std::uint32_t epoch) {
    static const auto network = test::make_network(1);
    auto document = std::make_shared<directory::Document>(network.document);
    document->epoch = {epoch};
    return document;
}

/// The parts of what is packed.
std::vector<DocumentPart> parts(std::string_view packed, std::uint32_t epoch) {
    std::vector<DocumentPart> made;
    for (std::size_t at = 0; at < packed.size(); at += cell::document_part_size) {
        const auto bytes = base::as_bytes(packed.substr(at, cell::document_part_size));
        made.push_back({base::Epoch{epoch},
                        static_cast<std::uint32_t>(packed.size()),
                        static_cast<std::uint32_t>(at),
                        {bytes.begin(), bytes.end()}});
    }
    return made;
}

/// A text that has so many parts.
std::string text_of(std::size_t count) {
    base::SeededRandom random{1};
    std::string text;
    while (parts(directory::pack(text), 0).size() < count)
        text += base::to_hex(random.id<base::MixKey>().bytes);
    return text;
}

}  // namespace

TEST_CASE("document fetch: parts in order make the text, once") {
    const auto text = text_of(3);
    const auto came = parts(directory::pack(text), 8);
    REQUIRE(came.size() == 3);
    DocumentFetch fetch;
    CHECK_FALSE(fetch.waiting(start));
    CHECK(fetch.begin(held(7), start) == cell::DocumentRequest{base::Epoch{7}});
    CHECK(fetch.waiting(start));
    CHECK_FALSE(fetch.coming(start));
    CHECK_FALSE(fetch.accept(came[0]));
    CHECK(fetch.coming(start));
    CHECK_FALSE(fetch.accept(came[1]));
    const auto outcome = fetch.accept(came[2]);
    REQUIRE(outcome);
    REQUIRE(*outcome);
    CHECK(**outcome == text);
    CHECK_FALSE(fetch.waiting(start));
    CHECK_FALSE(fetch.accept(came[0]));  // not requested

    CHECK(fetch.begin(nullptr, start) == cell::DocumentRequest{base::Epoch{0}});
    for (const auto& each : came)
        CHECK(fetch.accept(each).has_value() == (&each == &came.back()));
}

TEST_CASE("document fetch: a part that does not fit ends it") {
    struct Row {
        const char* what;
        DocumentPart second;
    };
    const Row rows[] = {
        {"repeated", part(8, 4097, 0, 2048)},
        {"a gap", part(8, 4097, 4096, 1)},
        {"another epoch", part(9, 4097, 2048, 2048)},
        {"another total", part(8, 4098, 2048, 2048)},
        {"empty", part(8, 4097, 2048, 0)},
        {"longer than the rest", part(8, 4097, 2048, 2050)},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        DocumentFetch fetch;
        fetch.begin(held(7), start);
        CHECK_FALSE(fetch.accept(part(8, 4097, 0, 2048)));
        CHECK(fetch.waiting(start));
        CHECK_FALSE(fetch.accept(row.second));
        CHECK_FALSE(fetch.waiting(start));
    }
    const DocumentPart firsts[] = {
        part(8, 0, 0, 0),
        part(8, cell::document_size_max + 1, 0, 2048),
        part(6, 10, 0, 10),  // older than what we have
        part(8, 4097, 2048, 2048),
    };
    for (const auto& first : firsts) {
        DocumentFetch fetch;
        fetch.begin(held(7), start);
        CHECK_FALSE(fetch.accept(first));
        CHECK_FALSE(fetch.waiting(start));
    }
}

TEST_CASE("document fetch: a new fetch forgets the one under way, and so does a link's end") {
    const auto text = text_of(2);
    const auto came = parts(directory::pack(text), 9);
    DocumentFetch fetch;
    fetch.begin(held(7), start);
    CHECK_FALSE(fetch.accept(part(8, 4097, 0, 2048)));
    fetch.begin(held(8), start + 20s);
    CHECK_FALSE(fetch.accept(came[0]));
    CHECK(fetch.waiting(start + 79s));
    const auto outcome = fetch.accept(came[1]);
    REQUIRE(outcome);
    CHECK(outcome->value() == text);

    fetch.begin(held(8), start);
    CHECK_FALSE(fetch.accept(came[0]));
    fetch.end();
    CHECK_FALSE(fetch.coming(start));
    CHECK_FALSE(fetch.accept(came[1]));
}

TEST_CASE("document fetch: the deadline counts from the request, not from the last part") {
    DocumentFetch fetch;
    fetch.begin(held(7), start);
    CHECK_FALSE(fetch.accept(part(8, 4097, 0, 2048)));
    CHECK(fetch.coming(start + 59s));
    CHECK_FALSE(fetch.waiting(start + 60s));
    CHECK_FALSE(fetch.coming(start));
    CHECK_FALSE(fetch.accept(part(8, 4097, 2048, 2048)));
}

TEST_CASE("document fetch: after a diff of no use it asks for the whole document, once") {
    const auto mine = held(7);
    auto next = *mine;
    next.epoch = {8};
    const auto text = to_text(next);
    const auto diff_of = [&](const directory::Document& from) {
        return parts(directory::pack_diff(to_text(from), text), 8).front();
    };
    DocumentFetch fetch;
    CHECK(fetch.begin(mine, start).have == base::Epoch{7});
    const auto good = fetch.accept(diff_of(*mine));
    REQUIRE(good);
    CHECK(good->value() == text);

    CHECK(fetch.begin(mine, start).have == base::Epoch{7});
    const auto bad = fetch.accept(diff_of(*held(6)));
    REQUIRE(bad);
    REQUIRE(!*bad);
    CHECK(bad->error().find("of another document") != std::string::npos);
    CHECK(fetch.begin(mine, start).have == base::Epoch{0});
    CHECK_FALSE(fetch.accept(part(6, 10, 0, 10)));  // still none that is older
    CHECK(fetch.begin(mine, start).have == base::Epoch{7});
    REQUIRE(fetch.accept(part(8, 10, 0, 10)));  // of no form: this asks for nothing else
    CHECK(fetch.begin(mine, start).have == base::Epoch{7});
}

#include "client/protocol/document_fetch.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace nightjar;
using namespace std::chrono_literals;
using cell::DocumentPart;
using client::protocol::DocumentFetch;

namespace {

const base::Mono start{1h};

DocumentPart part(std::uint32_t epoch, std::uint32_t total, std::uint32_t offset,
                  std::size_t length, char fill) {
    return {base::Epoch{epoch}, total, offset,
            base::Bytes(length, static_cast<std::uint8_t>(fill))};
}

}  // namespace

TEST_CASE("document fetch: parts in order make the text, once") {
    DocumentFetch fetch;
    CHECK_FALSE(fetch.waiting(start));
    CHECK(fetch.begin(base::Epoch{7}, start) == cell::DocumentRequest{base::Epoch{7}});
    CHECK(fetch.waiting(start));
    CHECK_FALSE(fetch.accept(part(8, 4097, 0, 2048, 'a')));
    CHECK_FALSE(fetch.accept(part(8, 4097, 2048, 2048, 'b')));
    const auto text = fetch.accept(part(8, 4097, 4096, 1, 'c'));
    REQUIRE(text);
    CHECK(*text == std::string(2048, 'a') + std::string(2048, 'b') + "c");
    CHECK_FALSE(fetch.waiting(start));
    CHECK_FALSE(fetch.accept(part(8, 1, 0, 1, 'd')));  // not requested

    fetch.begin(base::Epoch{8}, start);
    CHECK(fetch.accept(part(9, 1, 0, 1, 'd')) == "d");
}

TEST_CASE("document fetch: a part that does not fit ends it") {
    struct Row {
        const char* what;
        DocumentPart second;
    };
    const Row rows[] = {
        {"repeated", part(8, 4097, 0, 2048, 'a')},
        {"a gap", part(8, 4097, 4096, 1, 'a')},
        {"another epoch", part(9, 4097, 2048, 2048, 'a')},
        {"another total", part(8, 4098, 2048, 2048, 'a')},
        {"empty", part(8, 4097, 2048, 0, 'a')},
        {"longer than the rest", part(8, 4097, 2048, 2050, 'a')},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        DocumentFetch fetch;
        fetch.begin(base::Epoch{7}, start);
        CHECK_FALSE(fetch.accept(part(8, 4097, 0, 2048, 'a')));
        CHECK(fetch.waiting(start));
        CHECK_FALSE(fetch.accept(row.second));
        CHECK_FALSE(fetch.waiting(start));
    }
    const DocumentPart firsts[] = {
        part(8, 0, 0, 0, 'a'),
        part(8, cell::document_size_max + 1, 0, 2048, 'a'),
        part(6, 10, 0, 10, 'a'),  // older than what we have
        part(8, 4097, 2048, 2048, 'a'),
    };
    for (const auto& first : firsts) {
        DocumentFetch fetch;
        fetch.begin(base::Epoch{7}, start);
        CHECK_FALSE(fetch.accept(first));
        CHECK_FALSE(fetch.waiting(start));
    }
}

TEST_CASE("document fetch: a new fetch forgets the one under way") {
    DocumentFetch fetch;
    fetch.begin(base::Epoch{7}, start);
    CHECK_FALSE(fetch.accept(part(8, 4097, 0, 2048, 'a')));
    fetch.begin(base::Epoch{8}, start + 20s);
    CHECK_FALSE(fetch.accept(part(9, 3000, 0, 2048, 'b')));
    CHECK(fetch.waiting(start + 49s));
    const auto text = fetch.accept(part(9, 3000, 2048, 952, 'c'));
    REQUIRE(text);
    CHECK(*text == std::string(2048, 'b') + std::string(952, 'c'));
}

TEST_CASE("document fetch: the deadline counts from the request, not from the last part") {
    DocumentFetch fetch;
    fetch.begin(base::Epoch{7}, start);
    CHECK_FALSE(fetch.accept(part(8, 4097, 0, 2048, 'a')));
    CHECK(fetch.waiting(start + 29s));
    CHECK_FALSE(fetch.waiting(start + 30s));
    CHECK_FALSE(fetch.accept(part(8, 4097, 2048, 2048, 'a')));
}

#include "sphinx/node/link/link.hpp"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>

#include "tests/system/link_pair.hpp"

namespace nightjar::tests {

using node::link::LinkError;

namespace {

bool same(const cell::Cell& a, const cell::Cell& b) {
    return std::ranges::equal(a.bytes(), b.bytes());
}

/// By OpenSSL itself, with a context that is none of ours.
bool openssl_has_the_hybrid_group() {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_method()),
                                                                    &SSL_CTX_free};
    REQUIRE(context);
    const bool has = SSL_CTX_set1_groups_list(context.get(), "X25519MLKEM768") == 1;
    ERR_clear_error();
    return has;
}

}  // namespace

TEST_CASE("both ends of a link know each other and exchange cells in order") {
    LinkPair pair;
    REQUIRE(pair.connect());
    CHECK(pair.dialing.link->peer_key() == pair.answering.identity.key());
    CHECK(pair.answering.link->peer_key() == pair.dialing.identity.key());
    CHECK(pair.answering.link->peer_hello() == hello(cell::LinkRole::client));
    CHECK(pair.dialing.link->peer_hello() == hello(cell::LinkRole::relay));

    for (std::uint32_t n = 0; n < 100; ++n) {
        CHECK(pair.dialing.link->send(boxed(numbered(n))));
        CHECK(pair.answering.link->send(boxed(numbered(1000 + n))));
    }
    REQUIRE(pair.until([&] {
        return pair.dialing.got.cells.size() == 100 && pair.answering.got.cells.size() == 100;
    }));
    for (std::uint32_t n = 0; n < 100; ++n) {
        CHECK(same(pair.answering.got.cells[n], numbered(n)));
        CHECK(same(pair.dialing.got.cells[n], numbered(1000 + n)));
    }
    CHECK(pair.failures.empty());
}

TEST_CASE("a link is post-quantum where OpenSSL can be, and both ends say so") {
    LinkPair pair;
    REQUIRE(pair.connect());
    CHECK(pair.dialing.link->post_quantum() == openssl_has_the_hybrid_group());
    CHECK(pair.answering.link->post_quantum() == openssl_has_the_hybrid_group());
}

TEST_CASE("a link whose other end shows another key than the pinned one is refused") {
    LinkPair pair;
    const End stranger{3};
    pair.dial(pair.address(), stranger.identity.key());
    REQUIRE(pair.until([&] { return pair.dialing.refused.has_value(); }));
    CHECK(*pair.dialing.refused == LinkError::handshake);
    REQUIRE(pair.until([&] { return pair.listener().counts().failed == 1; }));
    CHECK(pair.answering.link == nullptr);
}

TEST_CASE("a link may be destroyed from within the cell that it delivers") {
    LinkPair pair;
    REQUIRE(pair.connect());
    pair.answering.got.on_each = [&](node::link::Link&) { pair.answering.link.reset(); };
    for (std::uint32_t n = 0; n < 5; ++n)
        pair.dialing.link->send(boxed(numbered(n)));
    REQUIRE(pair.until([&] { return pair.answering.ended && pair.dialing.ended; }));
    CHECK(pair.answering.got.cells.size() == 1);
    CHECK(*pair.answering.ended == LinkError::closed);
    CHECK(*pair.dialing.ended == LinkError::closed);
}

}  // namespace nightjar::tests

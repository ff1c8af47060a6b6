// What a request asks of an answer's form.
#include "sphinx/node/https/negotiation.hpp"

#include <doctest/doctest.h>

using namespace nightjar::node::https;

TEST_CASE("https: gzip is sent to a client that names it") {
    for (const char* header :
         {"gzip", "br, gzip", "GZip ;q=0.5", "deflate,gzip;q=1.000", "gzip;x=0"})
        CHECK_MESSAGE(accepts_gzip(header), header);
    for (const char* header :
         {"", "br", "*", "x-gzip", "gzip;q=0", "gzip; q=0.000", "gzipped", "a gzip"})
        CHECK_MESSAGE(!accepts_gzip(header), header);
}

TEST_CASE("https: a tag that a client knows is found in its list") {
    for (const char* header :
         {R"(W/"7-ab")", R"("7-ab")", "*", R"("x", W/"7-ab")", R"( "7-ab" ,"y")"})
        CHECK_MESSAGE(matches(header, R"(W/"7-ab")"), header);
    for (const char* header : {"", "W/", R"("7-a")", R"(7-ab)", R"(w/"7-ab")", ","})
        CHECK_MESSAGE(!matches(header, R"(W/"7-ab")"), header);
}

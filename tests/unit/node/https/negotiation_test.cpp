// What a request asks of an answer's form.
#include "sphinx/node/https/negotiation.hpp"

#include <doctest/doctest.h>

using namespace nightjar::node::https;

TEST_CASE("https: a compressed answer goes to a client that names its coding") {
    for (const char* header : {"gzip", "br, gzip", "GZip ;q=0.5", "deflate,gzip;q=1.000",
                               "gzip;x=0", "gzip, zstd;q=0", "zstd;q=0.000, gzip;q=0.001"})
        CHECK_MESSAGE(accepted_coding(header) == Coding::gzip, header);
    for (const char* header : {"zstd", "zstd, gzip", "gzip, zstd", "gzip, deflate, br, ZSTD",
                               "gzip;q=0.5 , zstd ; Q=0.5", "gzip;q=0,zstd"})
        CHECK_MESSAGE(accepted_coding(header) == Coding::zstd, header);
    for (const char* header : {"", "br", "*", "x-gzip", "gzip;q=0", "gzip; q=0.000", "gzipped",
                               "a gzip", "zstd;q=0", "zstd;q=0,gzip;q=0.0", "zstdx"})
        CHECK_MESSAGE(accepted_coding(header) == Coding::none, header);
}

TEST_CASE("https: of two codings the client's weights decide, and what is no weight refuses") {
    CHECK(accepted_coding("gzip;q=0.8, zstd;q=0.799") == Coding::gzip);
    CHECK(accepted_coding("gzip;q=0.8, zstd;q=0.81") == Coding::zstd);
    CHECK(accepted_coding("gzip, zstd;q=0.9") == Coding::gzip);
    CHECK(accepted_coding("gzip;q=1, zstd;q=1.0") == Coding::zstd);
    for (const char* weight :
         {"1.001", "2", "0.0001", "00", "-1", ".5", "0,5", "1e0", "x", "10", "1.0000"})
        CHECK_MESSAGE(accepted_coding(std::string{"zstd;q="} + weight) == Coding::none, weight);
}

TEST_CASE("https: a tag that a client knows is found in its list") {
    for (const char* header :
         {R"(W/"7-ab")", R"("7-ab")", "*", R"("x", W/"7-ab")", R"( "7-ab" ,"y")"})
        CHECK_MESSAGE(matches(header, R"(W/"7-ab")"), header);
    for (const char* header : {"", "W/", R"("7-a")", R"(7-ab)", R"(w/"7-ab")", ","})
        CHECK_MESSAGE(!matches(header, R"(W/"7-ab")"), header);
}

// A request and its answer, without the library's types: what a handler decides needs no HTTP.
#pragma once

#include <string>

namespace nightjar::node::https {

struct Request {
    std::string method;  // in upper case
    std::string target;  // as sent: "/document?x"
    std::string body;
    std::string if_none_match;  // empty: not sent
};

struct Answer {
    unsigned status = 200;
    std::string body;
    std::string type = "text/plain; charset=utf-8";
    std::string cache_control = "no-store";
    std::string etag;   // empty: none
    std::string allow;  // the methods, with status 405
};

}  // namespace nightjar::node::https

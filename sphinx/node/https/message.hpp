// A request and its answer, without the library's types: what a handler decides needs no HTTP.
#pragma once

#include <optional>
#include <string>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::node::https {

struct Request {
    std::string method;  // in upper case
    std::string target;  // as sent: "/document?x"
    std::string body;
    std::string if_none_match;  // empty: not sent
    bool gzip = false;          // the answer may be compressed
    base::IpAddress from{};     // who sent it
};

struct Answer {
    unsigned status = 200;
    std::string body;
    std::string type = "text/plain; charset=utf-8";
    std::string cache_control = "no-store";
    std::string etag;     // empty: none
    std::string allow;    // the methods, with status 405
    bool gzip = false;    // the body is compressed
    bool varies = false;  // it would be another one with, or without, compression
    std::optional<base::Wall> last_modified{};
};

}  // namespace nightjar::node::https

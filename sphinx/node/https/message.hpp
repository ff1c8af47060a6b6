// A request and its answer, without the library's types: what a handler decides needs no HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/ip.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::node::https {

/// How a body is compressed. A request that names one takes those before it too.
enum class Coding : std::uint8_t { none, gzip, zstd };

struct Request {
    std::string method;  // in upper case
    std::string target;  // as sent: "/document?x"
    std::string body;
    std::string if_none_match;     // empty: not sent
    Coding coding = Coding::none;  // the best one in which the answer may come
    base::IpAddress from{};        // who sent it
    std::optional<base::LinkKey>
        shown{};  // the key that it has proven; only of ServerLimits::known
};

/// The bytes of an answer, which never change. Copies share them.
class Body {
 public:
    Body() = default;
    Body(std::string text) : text_{std::make_shared<const std::string>(std::move(text))} {}
    Body(std::string_view text) : Body{std::string{text}} {}

    const std::string& text() const { return *text_; }
    operator std::string_view() const { return *text_; }
    bool empty() const { return text_->empty(); }
    std::size_t size() const { return text_->size(); }
    bool operator==(const Body& other) const { return *text_ == *other.text_; }

 private:
    static const std::shared_ptr<const std::string>& nothing() {
        static const auto empty = std::make_shared<const std::string>();
        return empty;
    }

    std::shared_ptr<const std::string> text_ = nothing();
};

struct Answer {
    unsigned status = 200;
    Body body;
    bool kept = false;  // the handler keeps the body anyway: to send it takes no memory
    std::string type = "text/plain; charset=utf-8";
    std::string cache_control = "no-store";
    std::string etag;              // empty: none
    std::string allow;             // the methods, with status 405
    Coding coding = Coding::none;  // of the body
    bool varies = false;           // it depends on the request's coding
    std::optional<base::Wall> last_modified{};
};

}  // namespace nightjar::node::https

#include "tests/lab/world/named_servers.hpp"

#include <utility>

namespace nightjar::lab::world {
namespace {

class Name {
 public:
    void read(base::ByteView bytes) {
        for (auto byte = bytes.begin(); byte != bytes.end() && known_ < 8; ++byte, ++known_)
            name_ = name_ << 8 | *byte;
    }
    bool known() const { return known_ == 8; }
    std::uint64_t value() const { return name_; }

 private:
    std::uint64_t name_ = 0;
    unsigned known_ = 0;
};

class NamedSink final : public ByteServer {
 public:
    explicit NamedSink(NameTold told) : told_{std::move(told)} {}

    void on_bytes(base::ByteView bytes) override {
        name_.read(bytes);
        if (name_.known()) told_(name_.value());
    }
    void on_finish() override { end = true; }

 private:
    NameTold told_;
    Name name_;
};

class NamedSource final : public ByteServer {
 public:
    explicit NamedSource(NameTold told) : told_{std::move(told)} {}

    void on_bytes(base::ByteView bytes) override {
        name_.read(bytes);
        if (name_.known() && out.empty()) out.resize(piece);
    }
    void on_finish() override {}
    void on_sent() override {
        told_(name_.value());
        out.resize(piece);
    }

 private:
    static constexpr std::size_t piece = 1'900;
    NameTold told_;
    Name name_;
};

}  // namespace

std::unique_ptr<ByteServer> named_sink(NameTold told) {
    return std::make_unique<NamedSink>(std::move(told));
}

std::unique_ptr<ByteServer> named_source(NameTold told) {
    return std::make_unique<NamedSource>(std::move(told));
}

}  // namespace nightjar::lab::world

#include "tests/lab/world/servers.hpp"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "sphinx/base/codec.hpp"
#include "sphinx/base/random.hpp"

namespace nightjar::lab::world {
namespace {

class Echo final : public ByteServer {
    void on_bytes(base::ByteView bytes) override {
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    void on_finish() override { end = true; }
};

/// Generates a fixed sequence of bytes that does not repeat, piece by piece.
class Sequence {
 public:
    /// Writes the next bytes. Every size except the last must be a multiple of `step`.
    void fill(base::ByteSpan bytes) {
        for (std::size_t at = 0; at < bytes.size(); at += step)
            random_.fill(bytes.subspan(at, std::min(step, bytes.size() - at)));
    }
    static constexpr std::size_t step = 512;

 private:
    base::SeededRandom random_{0x6e69676874};
};

class Blob final : public ByteServer {
    void on_bytes(base::ByteView bytes) override {
        if (asked_) return;
        request_.insert(request_.end(), bytes.begin(), bytes.end());
        if (request_.size() < 8) return;
        asked_ = true;
        left_ = std::min<std::uint64_t>(base::Reader{request_}.u64(), 1u << 30);
        on_sent();
    }
    void on_finish() override { end = end || !asked_; }
    void on_sent() override {
        if (!asked_) return;
        constexpr std::uint64_t piece = 32 * Sequence::step;
        out.resize(static_cast<std::size_t>(std::min(left_, piece)));
        sequence_.fill(out);
        left_ -= out.size();
        end = left_ == 0;
    }

    base::Bytes request_;
    bool asked_ = false;
    std::uint64_t left_ = 0;
    Sequence sequence_;
};

class Sink final : public ByteServer {
 public:
    Sink() { crypto_hash_sha256_init(&state_); }

 private:
    void on_bytes(base::ByteView bytes) override {
        crypto_hash_sha256_update(&state_, bytes.data(), bytes.size());
        count_ += bytes.size();
    }
    void on_finish() override {
        out.resize(8 + crypto_hash_sha256_BYTES);
        base::Writer writer{out};
        writer.u64(count_);
        crypto_hash_sha256_final(&state_, out.data() + 8);
        end = true;
    }

    crypto_hash_sha256_state state_{};
    std::uint64_t count_ = 0;
};

}  // namespace

void Servers::add(const std::string& host, std::uint16_t port, ServerFactory factory) {
    factories_[{host, port}] = std::move(factory);
}

std::unique_ptr<ByteServer> Servers::connect(const stream::Target& target) const {
    const auto found = factories_.find({target.host, target.port});
    return found == factories_.end() ? nullptr : found->second();
}

std::unique_ptr<ByteServer> echo_server() {
    return std::make_unique<Echo>();
}
std::unique_ptr<ByteServer> blob_server() {
    return std::make_unique<Blob>();
}
std::unique_ptr<ByteServer> sink_server() {
    return std::make_unique<Sink>();
}

base::Bytes test_bytes(std::size_t n) {
    base::Bytes bytes(n);
    Sequence{}.fill(bytes);
    return bytes;
}

void ExitHost::step() {
    for (const auto& [session, event] : sessions_.take_events())
        on_event({session, event.stream}, event);
    // The sessions may have room again since the last step.
    for (auto next = connections_.begin(); next != connections_.end();) {
        const auto current = next++;
        write_some(current->first);
        if (current->second.finished && current->second.client_finished)
            connections_.erase(current);
    }
}

void ExitHost::on_event(const relay::core::StreamRef& stream, const stream::Event& event) {
    using Kind = stream::Event::Kind;
    if (event.kind == Kind::opened) {
        auto server = servers_.connect(event.target);
        if (!server) return sessions_.reset(stream, stream::ResetReason::unresolvable);
        connections_[stream].server = std::move(server);
        return sessions_.accept(stream);
    }
    if (event.stream == 0) {
        std::erase_if(connections_,
                      [&](const auto& entry) { return entry.first.session == stream.session; });
        return;
    }
    const auto found = connections_.find(stream);
    if (found == connections_.end()) return;
    auto& server = *found->second.server;
    switch (event.kind) {
        case Kind::readable:
            return read_all(stream, server);
        case Kind::finished:
            read_all(stream, server);
            found->second.client_finished = true;
            return server.on_finish();
        case Kind::reset:
            connections_.erase(found);
            return;
        case Kind::writable:
        case Kind::opened:
        case Kind::accepted:
        case Kind::pong:
        case Kind::stopped:
            return;
    }
}

void ExitHost::break_connections() {
    for (const auto& [stream, connection] : connections_)
        sessions_.reset(stream, stream::ResetReason::cancelled);
    connections_.clear();
}

void ExitHost::read_all(const relay::core::StreamRef& stream, ByteServer& server) {
    base::ByteArray<4096> bytes;
    while (const auto n = sessions_.read(stream, bytes))
        server.on_bytes(base::ByteView{bytes}.first(n));
}

void ExitHost::write_some(const relay::core::StreamRef& stream) {
    auto& connection = connections_.at(stream);
    auto& server = connection.server;
    while (!server->out.empty()) {
        const auto taken = sessions_.write(stream, server->out);
        const bool all = taken == server->out.size();
        server->out.erase(server->out.begin(),
                          server->out.begin() + static_cast<std::ptrdiff_t>(taken));
        if (!all) break;
        if (!server->end) server->on_sent();
    }
    if (server->end && server->out.empty() && !connection.finished) {
        connection.finished = true;
        sessions_.finish(stream);
    }
}

}  // namespace nightjar::lab::world

#include "tests/simulation/servers.hpp"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "sphinx/base/codec.hpp"
#include "sphinx/base/random.hpp"

namespace nightjar::simulation {
namespace {

class Echo final : public ByteServer {
    void on_bytes(base::ByteView bytes) override {
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    void on_finish() override { end = true; }
};

class Blob final : public ByteServer {
    void on_bytes(base::ByteView bytes) override {
        request_.insert(request_.end(), bytes.begin(), bytes.end());
        if (end || request_.size() < 8) return;
        const auto count = base::Reader{request_}.u64();
        out = test_bytes(static_cast<std::size_t>(std::min<std::uint64_t>(count, 1u << 30)));
        end = true;
    }
    void on_finish() override { end = true; }

    base::Bytes request_;
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
    base::SeededRandom random{0x6e69676874};
    constexpr std::size_t step = 512;
    for (std::size_t at = 0; at < n; at += step)
        random.fill(base::ByteSpan{bytes}.subspan(at, std::min(step, n - at)));
    return bytes;
}

void ExitHost::step() {
    for (const auto& [session, event] : sessions_.take_events())
        on_event({session, event.stream}, event);
    // Whatever the sessions took in the meantime, they may take more now.
    for (auto next = connections_.begin(); next != connections_.end();) {
        const auto current = next++;
        write_some(current->first);
        if (current->second.finished && current->second.client_finished)
            connections_.erase(current);
    }
}

void ExitHost::on_event(const relay::StreamRef& stream, const stream::Event& event) {
    using Kind = stream::Event::Kind;
    if (event.kind == Kind::opened) {
        auto server = servers_.connect(event.target);
        if (!server) return sessions_.reset(stream, stream::ResetReason::unresolvable);
        connections_[stream].server = std::move(server);
        return sessions_.accept(stream);
    }
    const auto found = connections_.find(stream);
    if (found == connections_.end()) return;
    auto& server = *found->second.server;
    switch (event.kind) {
        case Kind::readable:
            return read_all(stream, server);
        case Kind::finished:
            read_all(stream, server);
            return server.on_finish();
        case Kind::reset:
            connections_.erase(found);
            return;
        case Kind::writable:
        case Kind::opened:
        case Kind::accepted:
        case Kind::pong:
            return;
    }
}

void ExitHost::read_all(const relay::StreamRef& stream, ByteServer& server) {
    base::ByteArray<4096> bytes;
    while (const auto n = sessions_.read(stream, bytes))
        server.on_bytes(base::ByteView{bytes}.first(n));
}

void ExitHost::write_some(const relay::StreamRef& stream) {
    auto& connection = connections_.at(stream);
    auto& server = connection.server;
    if (!server->out.empty()) {
        const auto taken = sessions_.write(stream, server->out);
        server->out.erase(server->out.begin(),
                          server->out.begin() + static_cast<std::ptrdiff_t>(taken));
    }
    if (server->end && server->out.empty() && !connection.finished) {
        connection.finished = true;
        sessions_.finish(stream);
    }
}

}  // namespace nightjar::simulation

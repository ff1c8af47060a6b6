#include "tests/simulation/chaos/streams.hpp"

#include <algorithm>
#include <cmath>

#include "sphinx/base/codec.hpp"

namespace nightjar::chaos {
namespace {

constexpr std::size_t header_size = 24;
constexpr std::size_t piece_size = 4096;

/// Byte `i` of what one end of a stream sends. The other end takes seed + 1.
std::uint8_t byte_at(std::uint64_t seed, std::uint64_t i) {
    auto x = (seed + i) * 0x9e3779b97f4a7c15;
    x ^= x >> 29;
    return static_cast<std::uint8_t>(x * 0xbf58476d1ce4e5b9 >> 56);
}

base::Bytes bytes_from(std::uint64_t seed, std::uint64_t begin, std::uint64_t size) {
    base::Bytes bytes(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = byte_at(seed, begin + i);
    return bytes;
}

bool equal(base::ByteView bytes, std::uint64_t seed, std::uint64_t begin) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (bytes[i] != byte_at(seed, begin + i)) return false;
    return true;
}

class CheckedServer final : public lab::world::ByteServer {
 public:
    explicit CheckedServer(const Broken& broken) : broken_{broken} {}

 private:
    void on_bytes(base::ByteView bytes) override {
        if (header_.size() < header_size) {
            const auto some = std::min(bytes.size(), header_size - header_.size());
            header_.insert(header_.end(), bytes.begin(), bytes.begin() + some);
            bytes = bytes.subspan(some);
            if (header_.size() < header_size) return;
            base::Reader reader{header_};
            seed_ = reader.u64();
            up_ = reader.u64();
            down_ = reader.u64();
            on_sent();
        }
        if (bytes.empty()) return;
        if (got_ + bytes.size() > up_ || !equal(bytes, seed_, got_))
            broken_("a server got other bytes than were sent");
        got_ += bytes.size();
    }
    void on_finish() override {
        if (header_.size() < header_size || got_ != up_)
            broken_("a server got an orderly end before the last byte");
        finished_ = true;
        end = sent_ == down_;
    }
    void on_sent() override {
        const auto size = std::min<std::uint64_t>(down_ - sent_, piece_size);
        out = bytes_from(seed_ + 1, sent_, size);
        sent_ += size;
        end = finished_ && sent_ == down_;
    }

    const Broken& broken_;
    base::Bytes header_;
    std::uint64_t seed_ = 0;
    std::uint64_t up_ = 0;
    std::uint64_t down_ = 0;
    std::uint64_t got_ = 0;
    std::uint64_t sent_ = 0;
    bool finished_ = false;  // the application sends no more
};

/// Sizes of many orders of magnitude.
std::uint64_t draw_size(base::Random& random, double most) {
    return static_cast<std::uint64_t>(std::pow(most, random.unit()));
}

}  // namespace

std::unique_ptr<lab::world::ByteServer> checked_server(const Broken& broken) {
    return std::make_unique<CheckedServer>(broken);
}

Application::Application(std::uint64_t seed, Outcomes& outcomes, const Broken& broken)
    : random_{seed}, outcomes_{outcomes}, broken_{broken} {}

std::optional<base::Mono> Application::last_progress() const {
    return stream_ ? std::optional{progress_} : std::nullopt;
}

void Application::step(client::core::Core& core, base::Mono now) {
    if (paused_ && stream_) {
        core.reset(*stream_);
        ++outcomes_.left;
        ended(now);
    }
    if (!stream_) begin(core, now);
    if (stream_) write(core, now);
    if (stream_) read(core, now);
}

void Application::begin(client::core::Core& core, base::Mono now) {
    if (paused_ || now < next_) return;
    next_ = now + base::Seconds{1};
    static constexpr const char* keys[] = {"", "", "one", "another"};
    stream_ = core.open(keys[random_.below(4)], {"checked.example", 7});
    if (!stream_) return;
    progress_ = now;
    seed_ = random_.u64();
    up_ = header_size + draw_size(random_, 100'000);
    down_ = draw_size(random_, 1'000'000);
    leaves_at_ = random_.below(10) == 0 ? random_.below(down_) : UINT64_MAX;
    written_ = read_ = 0;
    finished_ = false;
}

void Application::write(client::core::Core& core, base::Mono now) {
    while (written_ < up_) {
        base::Bytes bytes;
        if (written_ < header_size) {
            base::ByteArray<header_size> header{};
            base::Writer writer{header};
            writer.u64(seed_);
            writer.u64(up_ - header_size);
            writer.u64(down_);
            bytes.assign(header.begin() + static_cast<std::ptrdiff_t>(written_), header.end());
        } else {
            bytes = bytes_from(seed_, written_ - header_size,
                               std::min<std::uint64_t>(up_ - written_, piece_size));
        }
        const auto taken = core.write(*stream_, bytes);
        if (taken == 0) return;
        written_ += taken;
        progress_ = now;
    }
    if (!finished_) core.finish(*stream_);
    finished_ = true;
}

void Application::read(client::core::Core& core, base::Mono now) {
    base::ByteArray<piece_size> buffer;
    while (const auto size = core.read(*stream_, buffer)) {
        const auto bytes = base::ByteView{buffer}.first(size);
        if (read_ + size > down_ || !equal(bytes, seed_ + 1, read_))
            broken_("an application got other bytes than were sent");
        outcomes_.longest_wait = std::max(outcomes_.longest_wait, now - progress_);
        read_ += size;
        outcomes_.bytes += size;
        progress_ = now;
    }
    if (read_ < leaves_at_) return;
    core.reset(*stream_);
    ++outcomes_.left;
    ended(now);
}

void Application::on(const client::core::CoreEvent& event, client::core::Core& core,
                     base::Mono now) {
    if (!stream_ || event.stream != *stream_) return;
    outcomes_.longest_wait = std::max(outcomes_.longest_wait, now - progress_);
    if (event.event.kind == stream::Event::Kind::finished) {
        read(core, now);
        if (!stream_) return;
        if (read_ != down_) broken_("an application got an orderly end before the last byte");
        if (!finished_) broken_("a stream ended in order, and its application still wrote");
        ++outcomes_.whole;
        ended(now);
    } else if (event.event.kind == stream::Event::Kind::reset) {
        ++outcomes_.reset;
        ended(now);
    } else {
        progress_ = now;
    }
}

void Application::ended(base::Mono now) {
    stream_.reset();
    next_ = now + base::from_seconds(20 * random_.unit());
}

}  // namespace nightjar::chaos

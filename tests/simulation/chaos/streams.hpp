// Streams in which every byte is checked at both ends, for simulations in which anything may fail.
//
// An application opens a stream and writes a header: seed 8 | bytes up 8 | bytes down 8. Then both
// ends write as many bytes, which follow from the seed, and finish. Whatever happens in between,
// what arrives must be a prefix of them. An orderly end must come after all of them and never
// before. Any other end is a reset.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "client/core/core.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "tests/lab/world/servers.hpp"

namespace nightjar::chaos {

/// Takes a sentence for each rule that does not hold.
using Broken = std::function<void(const std::string&)>;

/// The other end of all applications. `broken` must outlive the server.
std::unique_ptr<lab::world::ByteServer> checked_server(const Broken& broken);

/// What became of the streams of all applications.
struct Outcomes {
    std::uint64_t whole = 0;
    std::uint64_t reset = 0;
    std::uint64_t left = 0;  // by the application
    std::uint64_t bytes = 0;
    base::Nanoseconds longest_wait{};  // of an open stream, for a byte or an event
};

/// One application after the other, each with one stream to checked_server() at `host`:7.
class Application {
 public:
    /// `outcomes` and `broken` must outlive it.
    Application(std::uint64_t seed, Outcomes& outcomes, const Broken& broken);

    /// Plays on. Call it whenever the client may have news.
    void step(client::core::Core& core, base::Mono now);
    void on(const client::core::CoreEvent& event, client::core::Core& core, base::Mono now);
    /// Leaves its stream and begins no further one, or goes on.
    void pause(bool paused) { paused_ = paused; }
    /// The time of the last byte or event of an open stream. Empty if none is open.
    std::optional<base::Mono> last_progress() const;

 private:
    void begin(client::core::Core& core, base::Mono now);
    void write(client::core::Core& core, base::Mono now);
    void read(client::core::Core& core, base::Mono now);
    void ended(base::Mono now);

    base::SeededRandom random_;
    Outcomes& outcomes_;
    const Broken& broken_;
    bool paused_ = false;
    base::Mono next_{};  // when the next stream begins
    std::optional<client::core::StreamRef> stream_;
    base::Mono progress_{};
    std::uint64_t seed_ = 0;
    std::uint64_t up_ = 0;  // of the open stream, with the header
    std::uint64_t down_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t read_ = 0;
    std::uint64_t leaves_at_ = 0;  // leaves when so much has arrived; UINT64_MAX: never
    bool finished_ = false;
};

}  // namespace nightjar::chaos

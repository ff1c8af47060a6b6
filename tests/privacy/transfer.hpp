// An application of the laboratory: one download or upload through a client's core.
#pragma once

#include <cstdint>
#include <optional>

#include "client/core.hpp"
#include "tests/privacy/crowd.hpp"

namespace nightjar::privacy {

inline constexpr const char* files_host = "files.example";
inline constexpr const char* sink_host = "sink.example";
inline constexpr std::uint16_t target_port = 80;

class Transfer {
 public:
    /// `name` is the first 8 bytes of an upload: it tells the target whose it is.
    Transfer(Work work, std::size_t bytes, base::Mono begins, std::uint64_t name)
        : work_{work}, bytes_{bytes}, begins_{begins}, name_{name} {}

    /// Besides, when the transfer begins: an idle stream under each of so many isolation keys.
    void isolate(unsigned keys) { isolated_ = keys; }

    void step(client::Core& core, base::Mono now);
    bool finished() const { return finished_; }
    /// What has come down, or was taken to go up, in bytes.
    std::size_t moved() const { return before_ + (work_ == Work::download ? read_ : written_); }

 private:
    void open(client::Core& core);
    void write(client::Core& core);

    Work work_;
    std::size_t bytes_;
    base::Mono begins_;
    std::uint64_t name_;
    unsigned isolated_ = 0;  // still to be opened
    std::optional<client::StreamRef> stream_;
    std::size_t before_ = 0;  // by sessions that ended
    std::size_t written_ = 0;
    std::size_t read_ = 0;
    bool finished_ = false;
};

}  // namespace nightjar::privacy

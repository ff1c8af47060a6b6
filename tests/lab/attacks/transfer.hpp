// The laboratory's application: one download or upload through a client's core.
#pragma once

#include <cstdint>
#include <optional>

#include "client/core/core.hpp"
#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab::attacks {

inline constexpr const char* files_host = "files.example";
inline constexpr const char* sink_host = "sink.example";
inline constexpr std::uint16_t target_port = 80;

class Transfer {
 public:
    /// `name` is the first 8 bytes of an upload. It identifies the client to the target.
    Transfer(Work work, std::size_t bytes, base::Mono begins, std::uint64_t name)
        : work_{work}, bytes_{bytes}, begins_{begins}, name_{name} {}

    /// When the transfer begins, also open an idle stream under each of `keys` isolation keys.
    void isolate(unsigned keys) { isolated_ = keys; }

    void step(client::core::Core& core, base::Mono now);
    bool finished() const { return finished_; }
    /// The bytes received by a download, or accepted from an upload.
    std::size_t moved() const { return before_ + (work_ == Work::download ? read_ : written_); }

 private:
    void open(client::core::Core& core);
    void write(client::core::Core& core);

    Work work_;
    std::size_t bytes_;
    base::Mono begins_;
    std::uint64_t name_;
    unsigned isolated_ = 0;  // keys whose stream is not open yet
    std::optional<client::core::StreamRef> stream_;
    std::size_t before_ = 0;  // bytes moved by sessions that have ended
    std::size_t written_ = 0;
    std::size_t read_ = 0;
    bool finished_ = false;
};

}  // namespace nightjar::lab::attacks

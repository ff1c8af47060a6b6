// The stages of a client's start, for `status`: which are done, which one runs, and how long that
// one is likely to take. Pure, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "sphinx/base/time.hpp"

namespace nightjar::client::protocol {

/// In the order of a start.
enum class Stage : std::uint8_t {
    document,  // a valid network document
    link,      // the link to the gateway
    session,   // the first reply of an exit
};
inline constexpr std::array all_stages{Stage::document, Stage::link, Stage::session};

const char* name_of(Stage stage);

class Stages {
 public:
    /// The first stage begins at `now`.
    explicit Stages(base::Mono now) : begun_{now} {}

    /// The stage is over, and so are those before it. Only the first call for a stage counts.
    void done(Stage stage, base::Mono now);
    /// The running stage is likely to be over at `by`.
    void expect(base::Mono by) { expected_ = by; }

    struct Row {
        Stage stage{};
        enum State : std::uint8_t { waiting, running, over } state = waiting;
        base::Nanoseconds took{};                    // so far, if it is running
        std::optional<base::Nanoseconds> left = {};  // if it is running: 0 where it takes longer
    };
    using Rows = std::array<Row, all_stages.size()>;
    Rows rows(base::Mono now) const;
    bool all_done() const { return ended_.back().has_value(); }

 private:
    base::Mono begun_;
    std::array<std::optional<base::Mono>, all_stages.size()> ended_;
    std::optional<base::Mono> expected_;
};

}  // namespace nightjar::client::protocol

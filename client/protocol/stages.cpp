#include "client/protocol/stages.hpp"

#include <algorithm>
#include <utility>

namespace nightjar::client::protocol {

const char* name_of(Stage stage) {
    switch (stage) {
        case Stage::document:
            return "document";
        case Stage::link:
            return "link";
        case Stage::session:
            return "session";
    }
    return "";
}

void Stages::done(Stage stage, base::Mono now) {
    for (std::size_t i = 0; i <= static_cast<std::size_t>(stage); ++i) {
        if (ended_[i]) continue;
        ended_[i] = now;
        expected_.reset();
    }
}

Stages::Rows Stages::rows(base::Mono now) const {
    Rows rows{};
    auto begun = begun_;
    bool before_over = true;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto& row = rows[i];
        row.stage = all_stages[i];
        if (ended_[i]) {
            row.state = Row::over;
            row.took = *ended_[i] - begun;
            begun = *ended_[i];
        } else if (std::exchange(before_over, false)) {
            row.state = Row::running;
            row.took = now - begun;
            if (expected_) row.left = std::max(*expected_ - now, base::Nanoseconds{0});
        } else {
            row.state = Row::waiting;
        }
    }
    return rows;
}

}  // namespace nightjar::client::protocol

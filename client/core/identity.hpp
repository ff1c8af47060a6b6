// A user's new identity (docs/client.md, "A new identity"): from then on every isolation key is a
// new key, so the next stream of each gets another session by the law for isolation keys. Pure, one
// thread.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "client/core/isolation.hpp"
#include "client/core/slot_packet.hpp"

namespace nightjar::client::core {

class Identity {
 public:
    /// `latest`: the session that was opened last. It and those before it are of the past.
    void renew(SessionHandle latest) {
        ++number_;
        past_ = latest;
    }
    /// The key under which a stream of `key` gets its session. Programs without a key leave the
    /// shared session and come back to it when its exit is another one. `term`: the first of the
    /// sessions that the shared session has had at its exit.
    IsolationKey key_of(const IsolationKey& key, SessionHandle term) const {
        if (number_ == 0 || (key.empty() && term > past_)) return key;
        return std::string{mark} + std::to_string(number_) + '\0' + key;
    }
    /// The sessions that new keys may share: those of this identity, if there are any.
    std::vector<SessionHandle> of_now(const std::vector<SessionHandle>& sessions) const {
        std::vector<SessionHandle> now;
        std::ranges::copy_if(sessions, std::back_inserter(now),
                             [this](SessionHandle session) { return session > past_; });
        return now.empty() ? sessions : now;
    }
    std::uint64_t number() const { return number_; }

    /// The key as the application gave it.
    static std::string_view given(std::string_view key) {
        return key.starts_with(mark) ? key.substr(key.find('\0') + 1) : key;
    }

 private:
    /// No key of an application begins so: they begin with a listener's address.
    static constexpr char mark = '\1';
    std::uint64_t number_ = 0;  // 0: the one that the client started with
    SessionHandle past_ = loops_handle;
};

}  // namespace nightjar::client::core

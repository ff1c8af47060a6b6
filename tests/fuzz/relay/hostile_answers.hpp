// A process for name lookups that an attacker has taken over, as an exit's NameClient hears it: its
// messages are any bytes. Without sockets; all else is the product's. One thread.
#pragma once

#include <vector>

#include "relay/io/name_messages.hpp"
#include "relay/io/name_queries.hpp"
#include "sphinx/base/host_name.hpp"
#include "tests/fuzz/depth.hpp"

namespace nightjar::fuzz {

class HostileNames final : public relay::io::NameService {
 public:
    explicit HostileNames(std::size_t queries_max) : queries_max_{queries_max} {}

    /// One message of the process. False if the exit takes it for a lie and replaces the process.
    bool says(base::ByteView message) {
        const auto reply = relay::io::parse_reply(message);
        return reply && queries_.answer(*reply);
    }
    /// What it was asked last; the oldest first.
    const std::vector<relay::io::NameRequest>& asked() const { return asked_; }
    /// The process was replaced: all queries fail.
    void ends() { queries_.fail_all(); }

    Query addresses(const std::string& name, relay::core::Family family,
                    OnAddresses on_answer) override {
        if (!base::is_host_name(name)) {
            on_answer(base::Fail{relay::core::NameError::bad_name});
            return 0;
        }
        if (queries_.size() >= queries_max_) {
            on_answer(base::Fail{relay::core::NameError::overload});
            return 0;
        }
        queries_.add(++last_, family, std::move(on_answer), {});
        note(relay::io::AskAddresses{last_, family, name});
        return last_;
    }
    Query name(const base::IpAddress& address, OnName on_answer) override {
        if (queries_.size() >= queries_max_) {
            on_answer(base::Fail{relay::core::NameError::overload});
            return 0;
        }
        queries_.add(++last_, std::move(on_answer), {});
        note(relay::io::AskName{last_, address});
        return last_;
    }
    void cancel(Query query) override { queries_.withdraw(query); }
    void use(const std::vector<base::IpEndpoint>& servers) override {
        servers_ = servers;
        queries_.fail_waiting();
    }
    const std::vector<base::IpEndpoint>& servers() const override { return servers_; }
    void stop() override { queries_.fail_all(); }
    bool works() const override { return true; }
    void list_holdings(base::Holdings&) const override { require(queries_.size() <= queries_max_); }

 private:
    static constexpr std::size_t remembered = 16;
    void note(const relay::io::NameRequest& request) {
        // What it is asked fits into a message.
        require(relay::io::parse_request(relay::io::to_bytes(request)).has_value());
        if (asked_.size() == remembered) asked_.erase(asked_.begin());
        asked_.push_back(request);
    }

    std::size_t queries_max_;
    relay::io::NameQueries queries_;
    std::vector<relay::io::NameRequest> asked_;
    std::vector<base::IpEndpoint> servers_;
    Query last_ = 0;
};

}  // namespace nightjar::fuzz

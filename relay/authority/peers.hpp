// Asks the other authorities what they have to say, again and again (docs/directory.md, "Over the
// wire"). Each has a task of its own, with one request at a time: one that is slow, hangs, or sends
// too much delays only itself.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <vector>

#include "relay/authority/member.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/node/https/client.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::relay::authority {

class Peers {
 public:
    /// `own`: the seed of this service's key, which is proven to the others and not asked itself.
    /// `member` and `tasks` outlive this object.
    Peers(const node::config::AnchorsFile& network, base::Secret<32> own, Member& member,
          std::function<core::Moment()> now);

    /// Spawns a task for each of the others. They run until they are cancelled.
    void start(node::process::TaskGroup& tasks);

 private:
    struct Other {
        node::https::Peer peer;
        std::string name;  // in the log
    };
    boost::asio::awaitable<void> ask(Other other);
    boost::asio::awaitable<void> compare(const Other& other, std::optional<base::Epoch>& compared);
    boost::asio::awaitable<bool> ask_once(const node::https::Peer& peer);
    boost::asio::awaitable<std::string> get(const node::https::Peer& peer, std::string target,
                                            std::size_t size_max, base::Milliseconds deadline);

    base::Secret<32> own_;
    std::vector<Other> others_;
    Member& member_;
    std::function<core::Moment()> now_;
    base::Milliseconds busy_;  // between two questions to one authority
    base::Milliseconds idle_;  // the same while nothing is being agreed on
};

}  // namespace nightjar::relay::authority

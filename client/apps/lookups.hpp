// Name lookups through the exit for listeners that are not streams: DNS. Each is a stream of its
// own, with a bound and a deadline. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <vector>

#include "client/core/core.hpp"
#include "client/protocol/dns_message.hpp"
#include "client/protocol/socks5.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/stream/name_records.hpp"

namespace nightjar::client::apps {

namespace asio = boost::asio;

struct LookupLimits {
    std::size_t lookups = 64;  // at once; a further one fails as `overloaded`
    base::Seconds answer{20};  // from the question to the exit's answer
};

class Lookups {
 public:
    using Records = base::Result<std::vector<stream::NameRecord>, protocol::socks5::Reply>;

    explicit Lookups(asio::any_io_executor executor, LookupLimits limits = {})
        : executor_{std::move(executor)}, limits_{limits} {}

    /// `core` must outlive the lookups.
    void serve(core::Core& core) { core_ = &core; }
    /// Asks the exit. Precondition: `target` has port 0.
    asio::awaitable<Records> ask(core::IsolationKey isolation, stream::Target target);
    /// The same for a DNS question: its answer, or the failure that names the reason. Arguments as
    /// of dns::answer().
    asio::awaitable<base::Bytes> answer(core::IsolationKey isolation,
                                        protocol::dns::Question question, bool private_targets,
                                        std::size_t most);
    /// An event of the core. Does nothing if the stream is not one of a lookup.
    void dispatch(core::StreamRef stream, const stream::Event& event);

    std::size_t running() const { return lookups_.size(); }

 private:
    struct Lookup;

    asio::any_io_executor executor_;
    LookupLimits limits_;
    core::Core* core_ = nullptr;
    std::map<core::StreamRef, Lookup*> lookups_;  // in the frames of ask()
};

}  // namespace nightjar::client::apps

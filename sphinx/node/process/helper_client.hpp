// A daemon's end of the link to a helper (keeper.hpp). It has the keeper start one, sends it
// messages, and passes its messages to the owner. The helper may be taken over. So a message that
// the owner refuses ends it, and so does an answer that is overdue. Then a new one is started after
// a pause (restart_pause.hpp). I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <optional>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/process/keeper.hpp"
#include "sphinx/node/process/restart_pause.hpp"

namespace nightjar::node::process {

struct HelperMessage {
    base::ByteView bytes;  // valid during the call
    int descriptor = -1;   // came with it; HelperOwner::helper_said() owns it
    // One came, but this process could hold no more. The kernel closed it.
    bool descriptor_lost = false;
};

/// What uses a helper. No function is called after HelperClient::stop(), or within send().
class HelperOwner {
 public:
    virtual ~HelperOwner() = default;

    /// What a helper is told first; nullopt: nothing.
    virtual std::optional<base::Bytes> first_message() = 0;
    /// False if this is no message of a helper that does its work. Closes the descriptor.
    virtual bool helper_said(const HelperMessage& message) = 0;
    /// What was sent gets no more answers. send() works again, unless works() is false.
    virtual void helper_ended() = 0;
    /// When the next answer is overdue; nullopt: no answer is due.
    virtual std::optional<base::Mono> answer_due() const = 0;
};

struct HelperOptions {
    const char* work;         // the log: "the process for WORK was replaced"
    const char* without;      // the log: the effect when none can be started, "this exit …"
    std::size_t message_max;  // bytes; a longer one is no message
    bool passes_descriptors = false;    // one in a message at most; if not, none
    RestartLimits restart{};            // sending fails while no helper is to start
    std::size_t messages_at_once = 64;  // that are read before the thread does something else
};

class HelperClient {
 public:
    /// Asks `keeper` for the first helper. The owner may be gone before this object.
    HelperClient(boost::asio::any_io_executor executor, std::shared_ptr<Keeper> keeper,
                 HelperOptions options, std::weak_ptr<HelperOwner> owner);
    /// As stop().
    ~HelperClient();
    HelperClient(const HelperClient&) = delete;
    HelperClient& operator=(const HelperClient&) = delete;

    /// False while there is no helper and none is about to start, and after stop().
    bool works() const;
    /// True while there is a helper, which has got its first message.
    bool running() const;
    /// Sends it, or keeps it until the helper starts or has room. No effect if !works().
    void send(base::Bytes message);
    /// Ends the helper, and starts no other. Answers that are due do not come.
    void stop();

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace nightjar::node::process

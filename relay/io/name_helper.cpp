#include "relay/io/name_helper.hpp"

#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <map>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "relay/io/name_messages.hpp"
#include "relay/io/resolver.hpp"
#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/node/process/keeper.hpp"
#include "sphinx/node/process/sandbox.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;
using core::NameError;

namespace {

class NameHelper {
 public:
    NameHelper() : link_{io_, node::process::helper_link} {}

    void run() {
        read();
        for (;;) {
            if (io_.run_one() == 0) return;
            base::wipe_stack();  // what stands there would stay until the next question
        }
    }

 private:
    void read() {
        link_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
            if (error) throw std::system_error{error};
            bool more = true;
            while (more)
                more = read_one();
            if (link_.is_open()) read();
        });
    }

    /// Returns false if there is no message now, or the exit has ended.
    bool read_one() {
        message_.resize(name_message_max);
        const auto size =
            ::recv(link_.native_handle(), message_.data(), message_.size(), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
        if (size <= 0) {
            stop();
            return false;
        }
        const auto request =
            parse_request(base::ByteView{message_}.first(static_cast<std::size_t>(size)));
        base::clear_and_wipe(message_);
        if (!request) throw std::runtime_error{"the exit has sent an unknown message"};
        std::visit([this](const auto& its) { on(its); }, *request);
        return true;
    }

    void stop() {
        if (resolver_) resolver_->stop();
        link_.close();
    }

    void on(const UseServers& request) {
        if (resolver_)
            resolver_->use(request.servers);
        else
            resolver_.emplace(io_.get_executor(), request.servers);
    }

    void on(const AskAddresses& request) {
        const auto query = request.query;
        begin(query);
        auto on_answer = [this, query, family = request.family](const core::NameAnswer& answer) {
            if (answer)
                end(query, FoundAddresses{query, family, *answer});
            else
                end(query, NoAnswer{query, answer.error()});
        };
        runs(query, resolver_->addresses(request.name, request.family, std::move(on_answer)));
    }

    void on(const AskName& request) {
        const auto query = request.query;
        begin(query);
        auto on_answer = [this, query](const auto& answer) {
            if (answer)
                end(query, FoundName{query, *answer});
            else
                end(query, NoAnswer{query, answer.error()});
        };
        runs(query, resolver_->name(request.address, std::move(on_answer)));
    }

    void on(const Withdraw& request) {
        const auto running = running_.find(request.query);
        if (running == running_.end()) return;  // it was answered meanwhile
        resolver_->cancel(running->second);
        end(request.query, NoAnswer{request.query, NameError::failed});
    }

    void begin(std::uint64_t query) {
        if (!resolver_) throw std::runtime_error{"a question came before the name servers"};
        if (!running_.emplace(query, 0).second)
            throw std::runtime_error{"two questions of the exit have one name"};
    }

    /// The answer may have come before this.
    void runs(std::uint64_t query, NameService::Query its) {
        const auto running = running_.find(query);
        if (running != running_.end()) running->second = its;
    }

    void end(std::uint64_t query, const NameReply& reply) {
        running_.erase(query);
        if (!link_.is_open()) return;
        // Waits while the exit does not read. It can: the exit never waits for this process.
        const auto bytes = to_bytes(reply);
        if (::send(link_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 &&
            errno != EPIPE && errno != ECONNRESET)
            throw std::system_error{errno, std::generic_category(), "cannot answer the exit"};
    }

    asio::io_context io_{1};
    stream_descriptor link_;
    std::map<std::uint64_t, NameService::Query> running_;  // the exit's query and the resolver's
    std::optional<Resolver> resolver_;
    base::Bytes message_;
};

}  // namespace

void answer_names() {
    node::process::leave_the_log();
    NameHelper helper;
    node::process::enter_narrow_sandbox();
    helper.run();
}

}  // namespace nightjar::relay::io

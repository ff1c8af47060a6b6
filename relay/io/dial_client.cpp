#include "relay/io/dial_client.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

namespace nightjar::relay::io {

namespace asio = boost::asio;
using asio::ip::tcp;
using node::process::HelperClient;
using node::process::HelperMessage;
using node::process::Keeper;

namespace {

std::optional<int> number_of(int descriptor, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) != 0) return std::nullopt;
    return value;
}

/// The address at the other end, in the form in which the kernel has it.
base::IpEndpoint endpoint_of(const sockaddr_storage& name) {
    base::IpEndpoint found;
    if (name.ss_family == AF_INET6) {
        sockaddr_in6 its{};
        std::memcpy(&its, &name, sizeof its);
        found.address.v6 = true;
        std::memcpy(found.address.bytes.data(), &its.sin6_addr, sizeof its.sin6_addr);
        found.port = ntohs(its.sin6_port);
    } else {
        sockaddr_in its{};
        std::memcpy(&its, &name, sizeof its);
        std::memcpy(found.address.bytes.data(), &its.sin_addr, sizeof its.sin_addr);
        found.port = ntohs(its.sin_port);
    }
    return found;
}

}  // namespace

Handed look_at(int descriptor, const base::IpEndpoint& target) {
    const int family = target.address.v6 ? AF_INET6 : AF_INET;
    if (number_of(descriptor, SO_DOMAIN) != family ||
        number_of(descriptor, SO_TYPE) != SOCK_STREAM ||
        number_of(descriptor, SO_PROTOCOL) != IPPROTO_TCP)
        return Handed::other;
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&name), &size) != 0)
        return errno == ENOTCONN ? Handed::broken_connection : Handed::other;
    return endpoint_of(name) == target ? Handed::connection : Handed::other;
}

/// The helper's messages keep the Impl alive, so a result may destroy the DialClient.
struct DialClient::Impl final : node::process::HelperOwner {
    struct Waiting {
        base::IpEndpoint target;
        OnResult on_result;  // none: it was given up
        base::Mono until;
    };

    Impl(asio::any_io_executor executor_, DialClientLimits limits_)
        : executor{std::move(executor_)}, limits{limits_} {}

    std::optional<base::Bytes> first_message() override { return std::nullopt; }
    bool helper_said(const HelperMessage& message) override;
    void helper_ended() override { fail_all(); }
    std::optional<base::Mono> answer_due() const override;

    bool on(const Connected& reply, const HelperMessage& message);
    bool on(const NotConnected& reply);
    void pass_on(const Waiting& waiting, int descriptor);
    void fail_all();

    asio::any_io_executor executor;
    DialClientLimits limits;
    std::map<Attempt, Waiting> waiting;
    std::optional<HelperClient> helper;  // from the constructor's end on
    Attempt last = 0;
};

/// Attempts have equal times, so the oldest is the first that is due.
std::optional<base::Mono> DialClient::Impl::answer_due() const {
    if (waiting.empty()) return std::nullopt;
    return waiting.begin()->second.until;
}

bool DialClient::Impl::helper_said(const HelperMessage& message) {
    const auto reply = parse_dial_reply(message.bytes);
    if (const auto* connected = reply ? std::get_if<Connected>(&*reply) : nullptr)
        return on(*connected, message);
    if (message.descriptor >= 0) ::close(message.descriptor);
    const bool bare = message.descriptor < 0 && !message.descriptor_lost;
    return bare && reply && on(std::get<NotConnected>(*reply));
}

bool DialClient::Impl::on(const Connected& reply, const HelperMessage& message) {
    const auto found = waiting.find(reply.attempt);
    const auto handed = found == waiting.end()    ? Handed::other
                        : message.descriptor_lost ? Handed::broken_connection
                        : message.descriptor < 0
                            ? Handed::other
                            : look_at(message.descriptor, found->second.target);
    if (handed == Handed::other) {
        if (message.descriptor >= 0) ::close(message.descriptor);
        return false;
    }
    // It has left the table before anything is called.
    const auto its = std::move(found->second);
    waiting.erase(found);
    if (handed == Handed::connection && its.on_result) {
        pass_on(its, message.descriptor);
        return true;
    }
    if (message.descriptor >= 0) ::close(message.descriptor);
    if (its.on_result)
        its.on_result(
            base::Fail{message.descriptor_lost ? DialError::no_descriptors : DialError::reset});
    return true;
}

void DialClient::Impl::pass_on(const Waiting& its, int descriptor) {
    Socket socket{executor};
    boost::system::error_code error;
    socket.assign(its.target.address.v6 ? tcp::v6() : tcp::v4(), descriptor, error);
    if (!error) return its.on_result(std::move(socket));
    ::close(descriptor);
    its.on_result(base::Fail{DialError::overload});  // no memory to watch it
}

bool DialClient::Impl::on(const NotConnected& reply) {
    const auto found = waiting.find(reply.attempt);
    if (found == waiting.end()) return false;
    const bool given_up = !found->second.on_result;
    if (reply.error == DialError::given_up && !given_up) return false;
    const auto its = std::move(found->second);
    waiting.erase(found);
    if (!given_up) its.on_result(base::Fail{reply.error});
    return true;
}

void DialClient::Impl::fail_all() {
    for (const auto& [attempt, its] : std::exchange(waiting, {}))
        if (its.on_result) its.on_result(base::Fail{DialError::overload});
}

DialClient::DialClient(asio::any_io_executor executor, std::shared_ptr<Keeper> keeper,
                       DialClientLimits limits)
    : impl_{std::make_shared<Impl>(std::move(executor), limits)} {
    node::process::HelperOptions options{"connections to targets",
                                         "this exit connects to no target", dial_message_max};
    options.passes_descriptors = true;
    options.restart = limits.restart;
    impl_->helper.emplace(impl_->executor, std::move(keeper), options, impl_);
}

DialClient::~DialClient() {
    stop();
}

DialClient::Attempt DialClient::connect(const base::IpEndpoint& target, OnResult on_result) {
    const auto impl = impl_;  // keep it alive if the result destroys this object
    if (!impl->helper->works() || impl->waiting.size() >= impl->limits.attempts_max) {
        on_result(base::Fail{DialError::overload});
        return 0;
    }
    const auto attempt = ++impl->last;
    const auto until = base::Mono::clock::now() + impl->limits.answer_within;
    impl->waiting.emplace(attempt, Impl::Waiting{target, std::move(on_result), until});
    impl->helper->send(to_bytes(DialRequest{Connect{attempt, target}}));
    return attempt;
}

void DialClient::give_up(Attempt attempt) {
    const auto found = impl_->waiting.find(attempt);
    if (found == impl_->waiting.end() || !found->second.on_result) return;
    found->second.on_result = nullptr;
    impl_->helper->send(to_bytes(DialRequest{GiveUp{attempt}}));
}

void DialClient::stop() {
    const auto impl = impl_;
    impl->helper->stop();
    impl->fail_all();
}

bool DialClient::works() const {
    return impl_->helper->works();
}

void DialClient::list_holdings(base::Holdings& out) const {
    out.push_back({"DialClient.waiting", "destinations", impl_->waiting.size(),
                   "an address that the process for connections is asked for"});
}

}  // namespace nightjar::relay::io

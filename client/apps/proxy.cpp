#include "client/apps/proxy.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "client/apps/application.hpp"
#include "client/protocol/destination.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::client::apps {

using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Input = stream::ByteRelay::Input;
using node::process::as_result;

namespace {

constexpr base::Milliseconds deadline_step{500};

}  // namespace

Proxy::Proxy(asio::any_io_executor executor, node::process::TaskGroup& tasks, ProxyLimits limits)
    : executor_{executor}, tasks_{tasks}, limits_{limits}, lookups_{executor}, timer_{executor} {}

Proxy::~Proxy() = default;

std::string Proxy::listen(protocol::ListenerOptions options, const char* key) {
    const auto checked = [](const auto& listener) {
        if (listener.is_remote()) {
            node::process::log(
                node::process::Level::warning,
                "allow_remote: anyone who reaches " + listener.address() + " can use this client");
        }
        return listener.address();
    };
    using Way = protocol::ListenerOptions::Way;
    if (options.way == Way::dns) {
        base::SystemRandom random;
        auto names = options.map && !names_
                         ? std::make_unique<protocol::NameMap>(*options.map, random)
                         : nullptr;
        auto* used = names ? names.get() : names_.get();
        if (!options.map) used = nullptr;
        auto server = std::make_shared<NameServer>(executor_, tasks_, lookups_, used,
                                                   std::move(options), key);
        if (names) names_ = std::move(names);
        if (core_ != nullptr) server->serve(private_targets_);
        return checked(*name_servers_.emplace_back(std::move(server)));
    }
    const auto& listener =
        listeners_.emplace_back(std::make_shared<Listener>(executor_, std::move(options), key));
    if (core_ != nullptr) tasks_.spawn("listener for applications", accept(listener));
    return checked(*listener);
}

bool Proxy::close_listener(std::uint64_t number) {
    const auto close = [number](auto& list) {
        const auto found =
            std::ranges::find_if(list, [&](const auto& one) { return one->number() == number; });
        if (found == list.end()) return false;
        (*found)->close();
        list.erase(found);
        return true;
    };
    return close(listeners_) || close(name_servers_);
}

void Proxy::serve(core::Core& core, bool private_targets) {
    core_ = &core;
    private_targets_ = private_targets;
    lookups_.serve(core);
    for (auto& server : name_servers_)
        server->serve(private_targets);
    for (auto& listener : listeners_)
        tasks_.spawn("listener for applications", accept(listener));
    tasks_.spawn("deadlines of applications", deadline_loop());
}

asio::awaitable<void> Proxy::accept(std::shared_ptr<Listener> listener) {
    auto admitted = [this, &listener](Listener::Protocol::socket socket,
                                      const Listener::Protocol::endpoint&,
                                      node::process::ConnectionPlace place) {
        admit(*listener, std::move(socket), std::move(place));
    };
    co_await node::process::accept_loop(listener->acceptor(), {.connections = limits_.sockets},
                                        std::move(admitted));
}

void Proxy::close() {
    closed_ = true;
    for (auto& listener : listeners_)
        listener->close();
    for (auto& server : name_servers_)
        server->close();
    timer_.cancel();
    for (const auto& application : applications_) {
        application->gone = true;
        application->abort();
        application->wake();
    }
}

void Proxy::dispatch() {
    if (core_ == nullptr) return;
    for (const auto& [stream, event] : core_->take_events()) {
        const auto found = by_stream_.find(stream);
        if (found == by_stream_.end()) {
            lookups_.dispatch(stream, event);
            continue;
        }
        const auto held = found->second;
        auto& application = *held;
        using Kind = stream::Event::Kind;
        switch (event.kind) {
            case Kind::accepted:
                application.accepted = true;
                if (application.phase == Application::Phase::relaying)
                    application.deadline = Clock::time_point::max();
                application.news.set();
                break;
            case Kind::readable:
                application.news.set();
                break;
            case Kind::writable:
                application.room.set();
                break;
            case Kind::finished:
                application.finished = true;
                application.news.set();
                break;
            case Kind::reset:
                application.reset = event.reason;
                application.wake();
                break;
            case Kind::stopped:
                act(held, Input::stream_stopped);
                application.room.set();
                break;
            case Kind::opened:
            case Kind::pong:
                break;
        }
    }
}

void Proxy::admit(const Listener& listener, Listener::Protocol::socket socket,
                  node::process::ConnectionPlace place) {
    std::size_t handshakes = 0;
    Ref oldest;
    for (const auto& application : applications_) {
        if (application->phase != Application::Phase::handshake || application->gone) continue;
        if (handshakes++ == 0) oldest = application;
    }
    if (handshakes >= limits_.handshakes) {
        count_refused("handshakes");
        oldest->cut = true;
        oldest->phase = Application::Phase::refused;
        error_code ignored;
        oldest->socket.cancel(ignored);  // its task sends the refusal
    }
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay{true}, ignored);  // a unix socket needs none
    auto words = first_words(listener, socket);
    if (!words) return node::process::abort_connection(socket);
    const auto application =
        std::make_shared<Application>(std::move(socket), std::move(place), std::move(*words));
    application->deadline = Clock::now() + limits_.handshake;
    applications_.push_back(application);
    tasks_.spawn("application", serve_connection(application));
}

/// Empty if the application cannot be served: it came to a transparent listener by itself, its
/// address stands for no name any more, or the address is private.
std::optional<protocol::Handshake> Proxy::first_words(const Listener& listener,
                                                      Listener::Protocol::socket& socket) {
    auto rules = listener.rules(socket, private_targets_);
    if (!listener.is_transparent()) return protocol::Handshake{std::move(rules)};
    const auto wanted = Listener::wanted_target(socket);
    if (!wanted || wanted->port == 0) return std::nullopt;
    auto host = protocol::destination_of(wanted->address);
    if (names_ && names_->contains(wanted->address)) {
        const auto name = names_->name_of(wanted->address);
        if (!name) return std::nullopt;
        host = {*name, true};
    }
    if (!host.is_public && !private_targets_) return std::nullopt;
    return protocol::Handshake{std::move(rules), {host.host, wanted->port}};
}

/// True if a further application with a request must be refused.
bool Proxy::full() const {
    return by_stream_.size() >= limits_.connections || core_->full();
}

asio::awaitable<void> Proxy::deadline_loop() {
    while (!closed_) {
        timer_.expires_after(deadline_step);
        co_await timer_.async_wait(as_result);
        const auto now = Clock::now();
        for (const auto& application : applications_) {
            if (application->phase == Application::Phase::relaying) check_progress(application);
            if (now < application->deadline) continue;
            application->deadline = Clock::time_point::max();
            if (application->phase == Application::Phase::asking ||
                application->phase == Application::Phase::relaying) {
                const bool waits = core_->waits(application->stream);
                if (waits) count_refused("streams of one session");
                application->reset =
                    waits ? stream::ResetReason::overload : stream::ResetReason::timed_out;
            } else {
                application->gone = true;
                application->close();
            }
            application->wake();
        }
    }
}

void Proxy::forget(const Ref& application) {
    application->gone = true;
    // A connection that carries a stream has been closed already, unless something ended its task.
    if (application->phase == Application::Phase::relaying)
        application->abort();
    else
        application->close();
    application->wake();
    if (application->stream != 0) {
        core_->reset(application->stream);
        by_stream_.erase(application->stream);
    }
    applications_.remove(application);
}

/// Says once that there are more isolation keys than sessions.
void Proxy::log_sharing() {
    if (sharing_logged_ || core_->keys_sharing() == 0) return;
    sharing_logged_ = true;
    node::process::log(node::process::Level::warning,
                       "more user names than exit sessions: further ones share the session of "
                       "another (nightjar status counts them)");
}

/// Logs the first refusal: further ones are only counted.
void Proxy::count_refused(const char* bound) {
    if (refused_++ > 0) return;
    node::process::log(node::process::Level::warning,
                       std::string{"applications are refused because a bound is reached: "} +
                           bound + " (nightjar status counts them)");
}

}  // namespace nightjar::client::apps

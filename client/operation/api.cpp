#include "client/operation/api.hpp"

#include <deque>
#include <nlohmann/json.hpp>

namespace nightjar::client::operation {

using protocol::api::Code;
using protocol::api::Method;

namespace {

constexpr std::size_t callers_max = 8;
// Of one caller, that it has not read yet. A further one takes the place of the last.
constexpr std::size_t events_waiting_max = 16;
// Connections that hold a listener. The others are left for commands.
constexpr std::size_t held_listeners_max = 4;

std::string opened_line(const std::string& id, const OpenedListener& opened) {
    const nlohmann::json address = opened.address;
    return protocol::api::result_line(
        id, R"({"address":)" +
                address.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "}");
}

}  // namespace

struct Api::Ping {
    explicit Ping(asio::any_io_executor executor) : answered{std::move(executor)} {}
    node::process::Event answered;
    std::optional<core::PingResult> result;
};

struct Api::Subscriber {
    Subscriber(std::set<Subscriber*>& of, asio::any_io_executor executor)
        : all{of}, news{std::move(executor)} {
        all.insert(this);
    }
    ~Subscriber() { all.erase(this); }  // also when the caller has left
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;

    std::set<Subscriber*>& all;
    node::process::Event news;
    std::deque<std::string> lines;
};

Api::Api(asio::any_io_executor executor, node::process::TaskGroup& tasks, ApiAnswers& answers,
         base::Seconds patience)
    : executor_{std::move(executor)}, tasks_{tasks}, answers_{answers}, patience_{patience} {}

void Api::listen(const std::filesystem::path& path) {
    const node::process::ControlLimits limits{
        .connections = callers_max, .request_max = protocol::api::line_max, .patience = patience_};
    node::process::ControlSocket::Conversation with = [this](std::string line, const Say& say) {
        return converse(std::move(line), say);
    };
    control_.emplace(executor_, path, "control_socket", limits, std::move(with), tasks_);
    tasks_.spawn("control listener", control_->run());
}

void Api::close() {
    if (control_) control_->close();
}

void Api::on_ping(const core::PingResult& result) {
    const auto found = pings_.find(result.nonce);
    if (found == pings_.end()) return;
    found->second->result = result;
    found->second->answered.set();
}

asio::awaitable<void> Api::converse(std::string line, const Say& say) {
    const auto request = protocol::api::parse_request(line);
    if (!request) {
        if (!request.error().empty()) co_await say(request.error());
        co_return;
    }
    const auto id = request->id;
    if (request->method == Method::events) {
        co_await tell_events(id, say);
        co_return;
    }
    if (request->with_connection) {
        co_await hold_listener(*request, say);
        co_return;
    }
    auto answer = co_await answer_to(*request, id.value_or("null"));
    if (id) co_await say(std::move(answer));
}

asio::awaitable<std::string> Api::answer_to(protocol::api::Request request, std::string id) {
    switch (request.method) {
        case Method::status:
            co_return protocol::api::result_line(id, answers_.status());
        case Method::ping:
            co_return co_await ping(std::move(id));
        case Method::new_identity:
            co_return new_identity(id);
        case Method::open_listener:
            co_return open_listener(request, id);
        case Method::close_listener:
            co_return answers_.close_listener(request.address)
                ? protocol::api::result_line(id, "{}")
                : protocol::api::error_line(
                      id, Code::no_listener,
                      "no listener that open_listener has opened has this address");
        case Method::events:
            break;
    }
    co_return std::string{};
}

std::string Api::open_listener(const protocol::api::Request& request, const std::string& id) {
    const auto opened = answers_.open_listener(request.listener, false);
    if (!opened) return protocol::api::error_line(id, opened.error().code, opened.error().message);
    return opened_line(id, *opened);
}

/// From here on the connection stands for the listener.
asio::awaitable<void> Api::hold_listener(protocol::api::Request request, const Say& say) {
    const auto id = request.id.value_or("null");
    const bool full = held_listeners_ == held_listeners_max;
    const auto opened = full ? base::Result<OpenedListener, protocol::api::Error>{base::Fail{
                                   protocol::api::Error{Code::no_listener,
                                                        "4 connections hold a listener already; "
                                                        "open it without with_connection"}}}
                             : answers_.open_listener(request.listener, true);
    if (!opened) {
        if (request.id)
            co_await say(
                protocol::api::error_line(id, opened.error().code, opened.error().message));
        co_return;
    }
    struct Held {
        Held(Api& of, std::uint64_t which) : api{of}, number{which} { ++api.held_listeners_; }
        ~Held() {  // also when the caller has left
            --api.held_listeners_;
            api.answers_.close_listener(number);
        }
        Api& api;
        const std::uint64_t number;
    } const held{*this, opened->number};
    if (request.id) {
        const bool taken = co_await say(opened_line(id, *opened));
        if (!taken) co_return;
    }
    node::process::Event never{executor_};
    co_await never.wait();
}

std::string Api::new_identity(const std::string& id) {
    const auto number = answers_.new_identity();
    if (!number) {
        return protocol::api::error_line(
            id, Code::no_place,
            "no place for a new session: the client is not ready, or its isolation keys have all; "
            "try again when one has ended, within two session lifetimes");
    }
    return protocol::api::result_line(id, R"({"identity":)" + std::to_string(*number) + "}");
}

void Api::look_for_events() {
    auto state = answers_.state();
    if (state == state_) return;
    state_ = std::move(state);
    for (auto* subscriber : subscribers_) {
        if (subscriber->lines.size() == events_waiting_max) subscriber->lines.pop_back();
        subscriber->lines.push_back(protocol::api::event_line("state", state_));
        subscriber->news.set();
    }
}

/// From here on the connection carries events alone.
asio::awaitable<void> Api::tell_events(std::optional<std::string> id, const Say& say) {
    Subscriber self{subscribers_, executor_};
    if (id) self.lines.push_back(protocol::api::result_line(*id, "{}"));
    self.lines.push_back(protocol::api::event_line("state", answers_.state()));
    for (;;) {
        if (self.lines.empty()) {
            co_await self.news.wait();
            continue;
        }
        auto line = std::move(self.lines.front());
        self.lines.pop_front();
        const bool taken = co_await say(std::move(line));
        if (!taken) co_return;
    }
}

asio::awaitable<std::string> Api::ping(std::string id) {
    const auto nonce = answers_.ping();
    if (!nonce) co_return protocol::api::error_line(id, Code::not_ready, "not ready");
    Ping ping{executor_};
    struct Waiting {
        Waiting(std::map<std::uint64_t, Ping*>& of, std::uint64_t key, Ping* ping)
            : pings{of}, nonce{key} {
            pings.emplace(nonce, ping);
        }
        ~Waiting() { pings.erase(nonce); }  // also when the caller has left
        std::map<std::uint64_t, Ping*>& pings;
        std::uint64_t nonce;
    } const waiting{pings_, *nonce, &ping};
    co_await ping.answered.wait_for(answers_.ping_patience());
    if (!ping.result) co_return protocol::api::error_line(id, Code::no_answer, "no answer");
    co_return protocol::api::result_line(id, answers_.ping_result(*ping.result));
}

}  // namespace nightjar::client::operation

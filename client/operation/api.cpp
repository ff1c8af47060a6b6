#include "client/operation/api.hpp"

#include "client/protocol/api_protocol.hpp"

namespace nightjar::client::operation {

namespace {

constexpr std::size_t callers_max = 8;

}  // namespace

struct Api::Ping {
    explicit Ping(asio::any_io_executor executor) : answered{std::move(executor)} {}
    node::process::Event answered;
    std::optional<core::PingResult> result;
};

Api::Api(asio::any_io_executor executor, node::process::TaskGroup& tasks, ApiAnswers& answers,
         base::Seconds patience)
    : executor_{std::move(executor)}, tasks_{tasks}, answers_{answers}, patience_{patience} {}

void Api::listen(const std::filesystem::path& path) {
    const node::process::ControlLimits limits{
        .connections = callers_max, .request_max = protocol::api::line_max, .patience = patience_};
    auto respond = [this](std::string line) { return answer(std::move(line)); };
    control_.emplace(executor_, path, "control_socket", limits, std::move(respond), tasks_);
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

asio::awaitable<std::string> Api::answer(std::string line) {
    const auto request = protocol::api::parse_request(line);
    if (!request) co_return protocol::api::error_line(request.error());
    switch (*request) {
        case protocol::api::Method::status:
            co_return answers_.status_line();
        case protocol::api::Method::ping:
            co_return co_await ping();
    }
    co_return protocol::api::error_line("unknown method");
}

asio::awaitable<std::string> Api::ping() {
    const auto nonce = answers_.ping();
    if (!nonce) co_return protocol::api::error_line("not ready");
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
    if (!ping.result) co_return protocol::api::error_line("no answer");
    co_return answers_.ping_line(*ping.result);
}

}  // namespace nightjar::client::operation

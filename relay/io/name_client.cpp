#include "relay/io/name_client.hpp"

#include <optional>
#include <utility>

#include "relay/io/exit_servers.hpp"
#include "relay/io/name_messages.hpp"
#include "relay/io/name_queries.hpp"
#include "sphinx/base/host_name.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;
using core::NameError;
using node::process::HelperClient;
using node::process::HelperMessage;
using node::process::Keeper;

/// The helper's messages keep the Impl alive, so an answer may destroy the NameClient.
struct NameClient::Impl final : node::process::HelperOwner {
    Impl(asio::any_io_executor executor_, NameClientLimits limits_)
        : executor{std::move(executor_)}, limits{limits_} {}

    std::optional<base::Bytes> first_message() override { return to_bytes(servers_in_use()); }
    bool helper_said(const HelperMessage& message) override;
    void helper_ended() override { queries.fail_all(); }
    std::optional<base::Mono> answer_due() const override;

    NameRequest servers_in_use() const { return UseServers{servers}; }
    std::optional<NameError> refused() const;
    base::Mono answer_until() const;
    void use(const std::vector<base::IpEndpoint>& given);
    void close();

    asio::any_io_executor executor;
    NameClientLimits limits;
    std::vector<base::IpEndpoint> servers;
    NameQueries queries;
    std::optional<HelperClient> helper;  // from the constructor's end on
    Query last_query = 0;
};

bool NameClient::Impl::helper_said(const HelperMessage& message) {
    const auto reply = parse_reply(message.bytes);
    return reply && queries.answer(*reply);
}

std::optional<base::Mono> NameClient::Impl::answer_due() const {
    if (queries.size() == 0) return std::nullopt;
    return queries.until();
}

/// Why no further query can be taken now.
std::optional<NameError> NameClient::Impl::refused() const {
    if (!helper->works()) return NameError::failed;
    if (queries.size() >= limits.queries_max) return NameError::overload;
    return std::nullopt;
}

base::Mono NameClient::Impl::answer_until() const {
    return base::Mono::clock::now() + limits.answer_of_server * static_cast<int>(servers.size()) +
           limits.answer_margin;
}

void NameClient::Impl::use(const std::vector<base::IpEndpoint>& given) {
    servers = given.empty() ? system_servers(executor) : given;
    if (servers.size() > name_servers_max) servers.resize(name_servers_max);
    if (helper && helper->running()) helper->send(to_bytes(servers_in_use()));
    queries.fail_waiting();
}

void NameClient::Impl::close() {
    helper->stop();
    queries.fail_all();
}

NameClient::NameClient(asio::any_io_executor executor, std::shared_ptr<Keeper> keeper,
                       const std::vector<base::IpEndpoint>& servers, NameClientLimits limits)
    : impl_{std::make_shared<Impl>(std::move(executor), limits)} {
    impl_->use(servers);
    node::process::HelperOptions options{"name lookups", "this exit finds no names",
                                         name_message_max};
    options.restart = limits.restart;
    impl_->helper.emplace(impl_->executor, std::move(keeper), options, impl_);
}

NameClient::~NameClient() {
    impl_->close();
}

NameService::Query NameClient::addresses(const std::string& name, core::Family family,
                                         OnAddresses on_answer) {
    const auto impl = impl_;  // keep it alive if the answer destroys this object
    auto refused = impl->refused();
    if (!base::is_host_name(name)) refused = NameError::bad_name;
    if (refused) {
        on_answer(base::Fail{*refused});
        return 0;
    }
    const auto query = ++impl->last_query;
    impl->queries.add(query, family, std::move(on_answer), impl->answer_until());
    impl->helper->send(to_bytes(NameRequest{AskAddresses{query, family, name}}));
    return query;
}

NameService::Query NameClient::name(const base::IpAddress& address, OnName on_answer) {
    const auto impl = impl_;
    if (const auto refused = impl->refused()) {
        on_answer(base::Fail{*refused});
        return 0;
    }
    const auto query = ++impl->last_query;
    impl->queries.add(query, std::move(on_answer), impl->answer_until());
    impl->helper->send(to_bytes(NameRequest{AskName{query, address}}));
    return query;
}

void NameClient::cancel(Query query) {
    if (impl_->queries.withdraw(query)) impl_->helper->send(to_bytes(NameRequest{Withdraw{query}}));
}

void NameClient::use(const std::vector<base::IpEndpoint>& servers) {
    impl_->use(servers);
}

const std::vector<base::IpEndpoint>& NameClient::servers() const {
    return impl_->servers;
}

void NameClient::stop() {
    impl_->close();
}

bool NameClient::works() const {
    return impl_->helper->works();
}

void NameClient::list_holdings(base::Holdings& out) const {
    out.push_back({"NameClient.queries", "destinations", impl_->queries.size(),
                   "a name that the process for lookups is asked for, or the address of one"});
}

}  // namespace nightjar::relay::io

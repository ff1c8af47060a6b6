#include "relay/io/name_client.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <deque>
#include <optional>
#include <utility>

#include "relay/io/exit_servers.hpp"
#include "relay/io/name_messages.hpp"
#include "relay/io/name_queries.hpp"
#include "sphinx/base/host_name.hpp"
#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;
using core::NameError;
using node::process::Keeper;
using node::process::Level;
using node::process::log;

/// Handlers keep the Impl alive, so a late handler finds `stopped` set, or another `round`.
struct NameClient::Impl : std::enable_shared_from_this<NameClient::Impl> {
    Impl(asio::any_io_executor executor_, std::shared_ptr<Keeper> keeper_, NameClientLimits limits_)
        : executor{std::move(executor_)},
          keeper{std::move(keeper_)},
          limits{limits_},
          restart{limits_.restart},
          control{executor},
          link{executor},
          pause{executor},
          deadline{executor} {}

    bool works() const;
    std::optional<NameError> refused() const;
    base::Mono answer_until() const;
    void ask(const NameRequest& request);
    void use(const std::vector<base::IpEndpoint>& given);
    void ask_for_helper();
    void watch_keeper();
    void on_news(const Keeper::News& news);
    void greet(int helper);
    void read();
    bool read_one();
    void write();
    void watch_deadline();
    void over(const char* why);
    void close();

    asio::any_io_executor executor;
    std::shared_ptr<Keeper> keeper;
    NameClientLimits limits;
    RestartPause restart;
    std::vector<base::IpEndpoint> servers;
    stream_descriptor control;  // watches the keeper's descriptor, which the keeper owns
    stream_descriptor link;     // open while there is a helper
    asio::steady_timer pause;
    asio::steady_timer deadline;
    NameQueries queries;
    std::deque<base::Bytes> unsent;
    base::Bytes message;
    Query last_query = 0;
    std::uint64_t round = 0;  // of the helper: what handlers of the one before find, they leave
    base::Mono since{};
    bool writing = false;
    bool watching = false;  // the deadline
    bool pausing = false;
    bool stopped = false;
};

namespace {

base::Mono mono_now() {
    return base::Mono::clock::now();
}

}  // namespace

bool NameClient::Impl::works() const {
    return !stopped && !pausing && (keeper || link.is_open());
}

/// Why no further query can be taken now.
std::optional<NameError> NameClient::Impl::refused() const {
    if (!works()) return NameError::failed;
    if (queries.size() >= limits.queries_max) return NameError::overload;
    return std::nullopt;
}

base::Mono NameClient::Impl::answer_until() const {
    return mono_now() + limits.answer_of_server * static_cast<int>(servers.size()) +
           limits.answer_margin;
}

void NameClient::Impl::ask(const NameRequest& request) {
    unsent.push_back(to_bytes(request));
    write();
    watch_deadline();
}

void NameClient::Impl::use(const std::vector<base::IpEndpoint>& given) {
    servers = given.empty() ? system_servers(executor) : given;
    if (servers.size() > name_servers_max) servers.resize(name_servers_max);
    if (link.is_open()) unsent.push_back(to_bytes(NameRequest{UseServers{servers}}));
    write();
    queries.fail_waiting();
}

void NameClient::Impl::ask_for_helper() {
    pausing = false;
    if (keeper) keeper->ask_for_helper();
}

void NameClient::Impl::watch_keeper() {
    control.async_wait(stream_descriptor::wait_read, [self = shared_from_this()](error_code error) {
        if (error || self->stopped) return;
        self->on_news(self->keeper->take());
        if (self->keeper && !self->stopped) self->watch_keeper();
    });
}

void NameClient::Impl::on_news(const Keeper::News& news) {
    switch (news.kind) {
        case Keeper::News::Kind::nothing:
            return;
        case Keeper::News::Kind::helper:
            return greet(news.link);
        case Keeper::News::Kind::no_helper:
            return over("the system does not let it start");
        case Keeper::News::Kind::keeper_gone:
            control.release();
            keeper.reset();
            log(Level::error,
                "the process that starts the one for name lookups has ended; when that one ends, "
                "this exit finds no names: restart the relay");
            if (!link.is_open()) over("it cannot start");
            return;
    }
}

void NameClient::Impl::greet(int helper) {
    error_code error;
    link.assign(helper, error);
    if (error) {
        ::close(helper);
        return over("the system does not let it start");
    }
    since = mono_now();
    unsent.push_front(to_bytes(NameRequest{UseServers{servers}}));
    read();
    write();
}

void NameClient::Impl::read() {
    link.async_wait(stream_descriptor::wait_read,
                    [self = shared_from_this(), its = round](error_code error) {
                        if (error) return;
                        for (std::size_t i = 0; i < self->limits.messages_at_once; ++i) {
                            if (self->round != its) return;
                            if (!self->read_one()) break;
                        }
                        if (self->round == its) self->read();
                    });
}

/// Returns false if there is no message now, or no helper any more.
bool NameClient::Impl::read_one() {
    message.resize(name_message_max);
    iovec place{message.data(), message.size()};
    msghdr header{};
    header.msg_iov = &place;
    header.msg_iovlen = 1;  // no room for descriptors: none is wanted
    const auto size = ::recvmsg(link.native_handle(), &header, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (size <= 0) {
        over("it ended");
        return false;
    }
    const bool cut = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    const auto reply =
        cut ? std::nullopt
            : parse_reply(base::ByteView{message}.first(static_cast<std::size_t>(size)));
    base::clear_and_wipe(message);
    if (reply && queries.answer(*reply)) return true;
    over("it said what is no answer");
    return false;
}

void NameClient::Impl::write() {
    while (link.is_open() && !writing && !unsent.empty()) {
        const auto& next = unsent.front();
        const auto sent =
            ::send(link.native_handle(), next.data(), next.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) return;  // read_one() finds it ended
        if (sent >= 0) {
            unsent.pop_front();
            continue;
        }
        writing = true;
        link.async_wait(stream_descriptor::wait_write,
                        [self = shared_from_this(), its = round](error_code error) {
                            if (error || self->round != its) return;
                            self->writing = false;
                            self->write();
                        });
    }
}

/// A helper that leaves one query without an answer leaves others so too.
void NameClient::Impl::watch_deadline() {
    if (watching || queries.size() == 0 || stopped) return;
    watching = true;
    deadline.expires_at(queries.until());
    deadline.async_wait([self = shared_from_this()](error_code error) {
        self->watching = false;
        if (error || self->stopped || self->queries.size() == 0) return;
        if (self->queries.until() <= mono_now()) return self->over("it does not answer");
        self->watch_deadline();
    });
}

/// The helper has ended, or must end.
void NameClient::Impl::over(const char* why) {
    if (stopped) return;
    ++round;
    writing = false;
    const auto lived = link.is_open() ? mono_now() - since : base::Nanoseconds{0};
    error_code ignored;
    link.close(ignored);
    if (keeper) keeper->end_helper();
    const auto wait = restart.after(lived);
    if (keeper) {
        log(Level::warning, std::string{"the process for name lookups was replaced: "} + why +
                                "; the next one starts in " + std::to_string(wait.count()) + " ms");
    }
    unsent.clear();
    if (wait.count() == 0) {
        ask_for_helper();
    } else {
        pausing = true;
        pause.expires_after(wait);
        pause.async_wait([self = shared_from_this()](error_code error) {
            if (!error && !self->stopped) self->ask_for_helper();
        });
    }
    queries.fail_all();
}

void NameClient::Impl::close() {
    if (std::exchange(stopped, true)) return;
    ++round;
    pause.cancel();
    deadline.cancel();
    error_code ignored;
    link.close(ignored);
    if (keeper) {
        keeper->end_helper();
        control.release();
    }
    unsent.clear();
    queries.fail_all();
}

NameClient::NameClient(asio::any_io_executor executor, std::shared_ptr<Keeper> keeper,
                       const std::vector<base::IpEndpoint>& servers, NameClientLimits limits)
    : impl_{std::make_shared<Impl>(std::move(executor), std::move(keeper), limits)} {
    impl_->use(servers);
    impl_->control.assign(impl_->keeper->control());
    impl_->watch_keeper();
    impl_->ask_for_helper();
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
    impl->ask(AskAddresses{query, family, name});
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
    impl->ask(AskName{query, address});
    return query;
}

void NameClient::cancel(Query query) {
    if (impl_->queries.withdraw(query)) impl_->ask(Withdraw{query});
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
    return impl_->works();
}

void NameClient::list_holdings(base::Holdings& out) const {
    out.push_back({"NameClient.queries", "destinations", impl_->queries.size(),
                   "a name that the process for lookups is asked for, or the address of one"});
}

}  // namespace nightjar::relay::io

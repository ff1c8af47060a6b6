#include "sphinx/node/process/helper_client.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <utility>

#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::node::process {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;

/// Handlers keep the Impl alive, so a late handler finds `stopped` set, or another `round`.
struct HelperClient::Impl : std::enable_shared_from_this<HelperClient::Impl> {
    Impl(asio::any_io_executor executor_, std::shared_ptr<Keeper> keeper_, HelperOptions options_,
         std::weak_ptr<HelperOwner> owner_)
        : executor{std::move(executor_)},
          keeper{std::move(keeper_)},
          options{options_},
          owner{std::move(owner_)},
          restart{options_.restart},
          control{executor},
          link{executor},
          pause{executor},
          deadline{executor} {}

    bool works() const;
    void send(base::Bytes bytes);
    void ask_for_helper();
    void watch_keeper();
    void on_news(const Keeper::News& news);
    void greet(int helper);
    void read();
    bool read_one();
    std::optional<HelperMessage> receive();
    void write();
    void watch_deadline();
    void over(const char* why);
    void close();

    asio::any_io_executor executor;
    std::shared_ptr<Keeper> keeper;
    HelperOptions options;
    std::weak_ptr<HelperOwner> owner;
    RestartPause restart;
    stream_descriptor control;  // watches the keeper's descriptor, which the keeper owns
    stream_descriptor link;     // open while there is a helper
    asio::steady_timer pause;
    asio::steady_timer deadline;
    std::deque<base::Bytes> unsent;
    base::Bytes message;
    std::uint64_t round = 0;  // counts helpers; a handler of an earlier one does nothing
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

bool HelperClient::Impl::works() const {
    return !stopped && !pausing && (keeper || link.is_open());
}

void HelperClient::Impl::send(base::Bytes bytes) {
    if (!works()) return;
    unsent.push_back(std::move(bytes));
    write();
    watch_deadline();
}

void HelperClient::Impl::ask_for_helper() {
    pausing = false;
    if (keeper) keeper->ask_for_helper();
}

void HelperClient::Impl::watch_keeper() {
    control.async_wait(stream_descriptor::wait_read, [self = shared_from_this()](error_code error) {
        if (error || self->stopped) return;
        self->on_news(self->keeper->take());
        if (self->keeper && !self->stopped) self->watch_keeper();
    });
}

void HelperClient::Impl::on_news(const Keeper::News& news) {
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
            log(Level::error, std::string{"the process that starts the one for "} + options.work +
                                  " has ended; when that one ends, " + options.without +
                                  ": restart the relay");
            if (!link.is_open()) over("it cannot start");
            return;
    }
}

void HelperClient::Impl::greet(int helper) {
    error_code error;
    link.assign(helper, error);
    if (error) {
        ::close(helper);
        return over("the system does not let it start");
    }
    since = mono_now();
    const auto its = owner.lock();
    auto first = its ? its->first_message() : std::nullopt;
    if (first) unsent.push_front(*std::move(first));
    read();
    write();
}

void HelperClient::Impl::read() {
    link.async_wait(stream_descriptor::wait_read,
                    [self = shared_from_this(), its = round](error_code error) {
                        if (error) return;
                        for (std::size_t i = 0; i < self->options.messages_at_once; ++i) {
                            if (self->round != its) return;
                            if (!self->read_one()) break;
                        }
                        if (self->round == its) self->read();
                    });
}

/// Returns false if there is no message now, or the helper has ended.
bool HelperClient::Impl::read_one() {
    const auto its = owner.lock();
    const auto before = round;
    auto got = receive();
    if (!got) return false;
    const bool good = its && its->helper_said(*got);
    base::clear_and_wipe(message);
    if (!good && round == before) over("it sent a wrong message");
    return good;
}

/// The next message of a permitted form. nullopt if there is none now, or the helper has ended.
std::optional<HelperMessage> HelperClient::Impl::receive() {
    message.resize(options.message_max);
    iovec place{message.data(), message.size()};
    // Not CMSG_SPACE: its padding has room for a second descriptor.
    constexpr auto of_one = CMSG_LEN(sizeof(int));
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
    msghdr header{};
    header.msg_iov = &place;
    header.msg_iovlen = 1;
    header.msg_control = options.passes_descriptors ? room.data() : nullptr;
    header.msg_controllen = options.passes_descriptors ? of_one : 0;
    const auto size = ::recvmsg(link.native_handle(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (size <= 0) {
        over("it ended");
        return std::nullopt;
    }
    HelperMessage got{base::ByteView{message}.first(static_cast<std::size_t>(size))};
    if (const auto* const part =
            size_t{header.msg_controllen} >= of_one ? CMSG_FIRSTHDR(&header) : nullptr)
        std::memcpy(&got.descriptor, CMSG_DATA(part), sizeof got.descriptor);
    const bool cut = (header.msg_flags & MSG_CTRUNC) != 0;
    got.descriptor_lost = cut && options.passes_descriptors && got.descriptor < 0;
    if ((header.msg_flags & MSG_TRUNC) == 0 && cut == got.descriptor_lost) return got;
    if (got.descriptor >= 0) ::close(got.descriptor);
    over("it sent a wrong message");
    return std::nullopt;
}

void HelperClient::Impl::write() {
    while (link.is_open() && !writing && !unsent.empty()) {
        const auto& next = unsent.front();
        const auto sent =
            ::send(link.native_handle(), next.data(), next.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) return;  // receive() finds it ended
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

/// Ends the helper when an answer is overdue: it may leave others out as well.
void HelperClient::Impl::watch_deadline() {
    const auto its = owner.lock();
    const auto due = its ? its->answer_due() : std::nullopt;
    if (watching || !due || stopped) return;
    watching = true;
    deadline.expires_at(*due);
    deadline.async_wait([self = shared_from_this()](error_code error) {
        self->watching = false;
        const auto its = self->owner.lock();
        const auto due = its ? its->answer_due() : std::nullopt;
        if (error || self->stopped || !due) return;
        if (*due <= mono_now()) return self->over("it does not answer");
        self->watch_deadline();
    });
}

/// The helper has ended, or must end.
void HelperClient::Impl::over(const char* why) {
    if (stopped) return;
    ++round;
    writing = false;
    const auto lived = link.is_open() ? mono_now() - since : base::Nanoseconds{0};
    error_code ignored;
    link.close(ignored);
    if (keeper) keeper->end_helper();
    const auto wait = restart.after(lived);
    if (keeper) {
        log(Level::warning, std::string{"the process for "} + options.work +
                                " was replaced: " + why + "; the next one starts in " +
                                std::to_string(wait.count()) + " ms");
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
    if (const auto its = owner.lock()) its->helper_ended();
}

void HelperClient::Impl::close() {
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
}

HelperClient::HelperClient(asio::any_io_executor executor, std::shared_ptr<Keeper> keeper,
                           HelperOptions options, std::weak_ptr<HelperOwner> owner)
    : impl_{std::make_shared<Impl>(std::move(executor), std::move(keeper), options,
                                   std::move(owner))} {
    impl_->control.assign(impl_->keeper->control());
    impl_->watch_keeper();
    impl_->ask_for_helper();
}

HelperClient::~HelperClient() {
    impl_->close();
}

bool HelperClient::works() const {
    return impl_->works();
}

bool HelperClient::running() const {
    return impl_->link.is_open();
}

void HelperClient::send(base::Bytes message) {
    impl_->send(std::move(message));
}

void HelperClient::stop() {
    impl_->close();
}

}  // namespace nightjar::node::process

// dial() and answer(): from a TCP connection to two HELLOs, within one absolute deadline.
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "sphinx/node/link/link.hpp"
#include "sphinx/node/link/link_impl.hpp"
#include "sphinx/node/link/segments.hpp"

namespace nightjar::node::link {

namespace {

using boost::system::error_code;
using Pending = std::shared_ptr<Link::Impl>;
using Step = base::Status<LinkError>;

// Our handshake takes 2 to 4 KB in each direction, hybrid key shares included.
constexpr std::size_t handshake_bytes_max = 16 * 1024;

// If a handshake is cancelled, close its socket now and not at the deadline.
struct CloseUnlessEstablished {
    Pending link;
    ~CloseUnlessEstablished() {
        if (!link->established) link->end(LinkError::closed);
    }
};

base::Fail<LinkError> fail(const Pending& link, LinkError why) {
    link->end(why);  // no effect if the deadline has already ended it
    return base::Fail{*link->ended};
}

// Reads once. Errors of the peer are never answered: the socket just closes.
asio::awaitable<Step> read_some(Pending link, std::size_t* total) {
    const auto read = co_await link->socket.async_read_some(asio::buffer(link->input), as_result);
    if (link->ended || std::get<0>(read)) co_return fail(link, LinkError::handshake);
    *total += std::get<1>(read);
    if (*total > handshake_bytes_max) co_return fail(link, LinkError::handshake);
    link->tls.feed(base::ByteView{link->input}.first(std::get<1>(read)));
    co_return base::Done{};
}

asio::awaitable<Step> write_all(Pending link) {
    base::Bytes bytes;
    std::swap(bytes, link->tls.output());
    if (bytes.empty()) co_return base::Done{};
    const auto written = co_await asio::async_write(link->socket, asio::buffer(bytes), as_result);
    if (link->ended || std::get<0>(written)) co_return fail(link, LinkError::handshake);
    co_return base::Done{};
}

asio::awaitable<Step> prove_keys(Pending link, base::Mono whole_deadline, std::size_t* total) {
    while (true) {
        const auto done = link->tls.handshake();
        if (!done) co_return fail(link, done.error());
        if (*done) co_return base::Done{};  // remaining output is sent with the HELLO
        // A server has something to say as soon as the client's first message is whole.
        if (link->on_first_message && !link->tls.output().empty()) {
            if (!std::exchange(link->on_first_message, nullptr)())
                co_return fail(link, LinkError::closed);
            link->arm_deadline(whole_deadline);
        }
        const Step written = co_await write_all(link);
        if (!written) co_return written;
        const Step read = co_await read_some(link, total);
        if (!read) co_return read;
    }
}

bool hello_fits(const cell::Hello& theirs, const cell::Hello& mine, bool dialed) {
    return theirs.version == mine.version && theirs.network == mine.network &&
           (!dialed || theirs.role == cell::LinkRole::relay);
}

asio::awaitable<Step> exchange_hellos(Pending link, bool dialed, std::size_t* total) {
    const cell::Cell mine = cell::encode(link->hello_mine);
    if (!link->tls.write_cell(mine)) co_return fail(link, LinkError::handshake);
    const Step written = co_await write_all(link);
    if (!written) co_return written;
    while (true) {
        const auto next = link->tls.next_cell(std::chrono::steady_clock::now());
        if (!next) co_return fail(link, next.error());
        if (*next == nullptr) {
            const Step read = co_await read_some(link, total);
            if (!read) co_return read;
            continue;
        }
        if ((*next)->kind() != cell::Kind::control) co_return fail(link, LinkError::bad_hello);
        const auto control = cell::decode(**next);
        const auto* hello = control ? std::get_if<cell::Hello>(&*control) : nullptr;
        if (hello == nullptr || !hello_fits(*hello, link->hello_mine, dialed))
            co_return fail(link, LinkError::bad_hello);
        link->hello_peer = *hello;
        co_return base::Done{};
    }
}

/// What is asked for before the connection goes to the peer with the first packet. A socket that
/// cannot be opened shows as an error of the connection; a size that the kernel refuses is not
/// used.
void ask_for_segments(Link::Impl& link, const asio::ip::tcp::endpoint& address, int bytes) {
    error_code ignored;
    link.socket.open(address.protocol(), ignored);
    ::setsockopt(link.socket.native_handle(), IPPROTO_TCP, TCP_MAXSEG, &bytes, sizeof bytes);
}

asio::awaitable<LinkResult> establish(Pending link, bool dialed, base::Mono whole_deadline) {
    const CloseUnlessEstablished guard{link};
    error_code error;
    link->socket.set_option(asio::ip::tcp::no_delay{true}, error);
    if (!error) link->socket.non_blocking(true, error);
    if (error) co_return fail(link, LinkError::closed);
    std::size_t total = 0;
    const Step proved = co_await prove_keys(link, whole_deadline, &total);
    if (!proved) co_return fail(link, proved.error());
    const Step greeted = co_await exchange_hellos(link, dialed, &total);
    if (!greeted) co_return fail(link, greeted.error());
    link->established = true;
    link->timer.cancel();
    co_return std::make_unique<Link>(link);
}

}  // namespace

asio::awaitable<LinkResult> dial(asio::ip::tcp::endpoint address, TlsIdentity& identity,
                                 base::LinkKey expected, cell::Hello mine, LinkLimits limits) {
    return dial_by_segments(address, identity, expected, mine, limits, 0);
}

asio::awaitable<LinkResult> dial_by_segments(asio::ip::tcp::endpoint address, TlsIdentity& identity,
                                             base::LinkKey expected, cell::Hello mine,
                                             LinkLimits limits, int segment) {
    const auto executor = co_await asio::this_coro::executor;
    auto link =
        std::make_shared<Link::Impl>(asio::ip::tcp::socket{executor}, identity, expected, limits);
    link->hello_mine = mine;
    const auto deadline = std::chrono::steady_clock::now() + limits.handshake;
    link->arm_deadline(deadline);
    const CloseUnlessEstablished guard{link};
    if (segment > 0) ask_for_segments(*link, address, segment);
    const auto connected = co_await link->socket.async_connect(address, as_result);
    if (link->ended || std::get<0>(connected)) co_return fail(link, LinkError::unreachable);
    co_return co_await establish(link, true, deadline);
}

asio::awaitable<LinkResult> answer(asio::ip::tcp::socket socket, TlsIdentity& identity,
                                   cell::Hello mine, LinkLimits limits,
                                   std::function<bool()> on_first_message) {
    auto link = std::make_shared<Link::Impl>(std::move(socket), identity, std::nullopt, limits);
    link->hello_mine = mine;
    link->on_first_message = on_first_message ? std::move(on_first_message) : [] { return true; };
    const auto start = std::chrono::steady_clock::now();
    link->arm_deadline(start + std::min(limits.first_message, limits.handshake));
    co_return co_await establish(link, false, start + limits.handshake);
}

}  // namespace nightjar::node::link

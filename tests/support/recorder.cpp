#include "tests/support/recorder.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

#include "sphinx/node/process/completion.hpp"

namespace nightjar::tests {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using node::process::as_result;
constexpr std::size_t header_size = 5;
constexpr std::size_t read_size = 256 * 1024;

struct Connection {
    Connection(tcp::socket near, asio::any_io_executor executor, std::uint32_t n)
        : client{std::move(near)}, target{std::move(executor)}, number{n} {}

    void close() {
        error_code ignored;
        client.close(ignored);
        target.close(ignored);
    }

    tcp::socket client;
    tcp::socket target;
    std::uint32_t number;
};
using Shared = std::shared_ptr<Connection>;

// The position of one direction of a connection in its sequence of records.
struct Position {
    std::size_t record = 0;
    std::size_t offset = 0;  // in the record, header included
    std::array<std::uint8_t, header_size> header{};

    std::size_t length() const { return (std::size_t{header[3]} << 8) | header[4]; }
};

}  // namespace

struct Recorder::Impl {
    Impl(asio::any_io_executor executor, const tcp::endpoint& listen, const tcp::endpoint& to,
         OnRecord each)
        : acceptor{executor, listen, true},
          target{to},
          on_record{std::move(each)},
          tasks{executor, [](const std::string&, const std::string&) {}} {}

    asio::awaitable<void> accept() {
        while (!stopped) {
            tcp::socket client{acceptor.get_executor()};
            const auto accepted = co_await acceptor.async_accept(client, as_result);
            if (std::get<0>(accepted)) break;
            auto connection = std::make_shared<Connection>(std::move(client),
                                                           acceptor.get_executor(), ++connections);
            tasks.spawn("connection", join(std::move(connection)));
        }
    }

    asio::awaitable<void> join(Shared connection) {
        const auto connected = co_await connection->target.async_connect(target, as_result);
        if (std::get<0>(connected)) {
            connection->close();
            co_return;
        }
        error_code ignored;
        connection->client.set_option(tcp::no_delay{true}, ignored);
        connection->target.set_option(tcp::no_delay{true}, ignored);
        tasks.spawn("up", forward(connection, Direction::up));
        tasks.spawn("down", forward(connection, Direction::down));
    }

    asio::awaitable<void> forward(Shared connection, Direction direction) {
        const bool up = direction == Direction::up;
        tcp::socket& from = up ? connection->client : connection->target;
        tcp::socket& to = up ? connection->target : connection->client;
        base::Bytes chunk(read_size);
        Position position;
        while (true) {
            const auto read = co_await from.async_read_some(asio::buffer(chunk), as_result);
            if (std::get<0>(read)) break;
            const std::size_t size = std::get<1>(read);
            std::size_t& largest = largest_read[static_cast<std::size_t>(direction)];
            largest = std::max(largest, size);
            const base::ByteSpan bytes = base::ByteSpan{chunk}.first(size);
            const std::size_t kept = pass(*connection, direction, position, bytes);
            const auto written =
                co_await asio::async_write(to, asio::buffer(chunk.data(), kept), as_result);
            // The closed side may have sent more than was read, so the other direction ends the
            // connection.
            if (std::get<0>(written)) co_return;
            if (kept < size) break;
        }
        connection->close();
    }

    // Notes each record whose header ends within `bytes`, and applies the faults. Returns how many
    // bytes to forward; fewer than all means that the connection is cut there.
    std::size_t pass(const Connection& connection, Direction direction, Position& at,
                     base::ByteSpan bytes) {
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            for (const Fault& fault : faults) {
                const bool here = connection.number == 1 && fault.direction == direction &&
                                  fault.record == at.record && fault.offset == at.offset;
                if (here && fault.kind == Fault::Kind::cut) return i;
                if (here) bytes[i] ^= 1;
            }
            if (at.offset < header_size) at.header[at.offset] = bytes[i];
            ++at.offset;
            if (at.offset == header_size) note(connection, direction, at);
            if (at.offset >= header_size && at.offset == header_size + at.length()) {
                ++at.record;
                at.offset = 0;
            }
        }
        return bytes.size();
    }

    void note(const Connection& connection, Direction direction, const Position& at) {
        const Record record{std::chrono::steady_clock::now(), connection.number, direction,
                            at.header[0], static_cast<std::uint16_t>(at.length())};
        if (on_record)
            on_record(record);
        else
            records.push_back(record);
    }

    tcp::acceptor acceptor;
    tcp::endpoint target;
    OnRecord on_record;
    std::vector<Record> records;
    std::vector<Fault> faults;
    std::array<std::size_t, 2> largest_read{};
    std::uint32_t connections = 0;
    bool stopped = false;
    node::process::TaskGroup tasks;
};

Recorder::Recorder(asio::any_io_executor executor, const tcp::endpoint& listen,
                   const tcp::endpoint& target, OnRecord on_record)
    : impl_{std::make_unique<Impl>(std::move(executor), listen, target, std::move(on_record))} {
    impl_->tasks.spawn("accept", impl_->accept());
}

Recorder::~Recorder() = default;

tcp::endpoint Recorder::address() const {
    return impl_->acceptor.local_endpoint();
}

const std::vector<Record>& Recorder::records() const {
    return impl_->records;
}

std::size_t Recorder::largest_read(Direction direction) const {
    return impl_->largest_read[static_cast<std::size_t>(direction)];
}

void Recorder::inject(const Fault& fault) {
    impl_->faults.push_back(fault);
}

void Recorder::stop() {
    impl_->stopped = true;
    error_code ignored;
    impl_->acceptor.close(ignored);
    impl_->tasks.cancel();
}

bool Recorder::idle() const {
    return impl_->tasks.running() == 0;
}

}  // namespace nightjar::tests

// A TCP forwarder on a link. It records what an observer of the wire sees: the time, direction and
// length of each TLS record. It can also act as an attacker there: change a byte, or cut the
// connection. It needs no privileges, so its tests always run.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::tests {

enum class Direction : std::uint8_t { up, down };  // up: from the connecting side to the target

struct Record {
    base::Mono at;
    std::uint32_t connection = 0;  // in order of arrival, from 1
    Direction direction = Direction::up;
    std::uint8_t type = 0;     // TLS record type: 20 to 23
    std::uint16_t length = 0;  // from the record's header, without the header's own 5 bytes
};

/// An attack on one byte of one record of the first connection.
struct Fault {
    enum class Kind : std::uint8_t { flip, cut } kind = Kind::flip;
    Direction direction = Direction::up;
    std::size_t record = 0;  // index of the record in its direction, from the connection's start
    std::size_t offset = 0;  // in the record, header included; a cut is made before that byte
};

/// Runs on one I/O thread. It must outlive its tasks: call stop() and run the thread until idle().
class Recorder {
 public:
    using OnRecord = std::function<void(const Record&)>;

    /// Throws boost::system::system_error if it cannot listen. `on_record` is called for each
    /// record when its header has passed.
    Recorder(boost::asio::any_io_executor executor, const boost::asio::ip::tcp::endpoint& listen,
             const boost::asio::ip::tcp::endpoint& target, OnRecord on_record = {});
    ~Recorder();

    boost::asio::ip::tcp::endpoint address() const;
    /// All records so far. Empty if on_record was given.
    const std::vector<Record>& records() const;
    /// The largest number of bytes that one read (one system call) returned in a direction.
    std::size_t largest_read(Direction direction) const;
    void inject(const Fault& fault);
    void stop();
    bool idle() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::tests

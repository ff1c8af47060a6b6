// A TCP forwarder that stands on a link and writes down what an observer of the wire could: when,
// which way, and how long each TLS record is. It can also do what an attacker there could: change
// a byte, or cut the connection. It needs no privilege, so it always runs.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::tests {

enum class Direction : std::uint8_t { up, down };  // up: from who connected to the target

struct Record {
    base::Mono at;
    std::uint32_t connection = 0;  // in order of arrival, from 1
    Direction direction = Direction::up;
    std::uint8_t type = 0;     // of the record: 20 to 23
    std::uint16_t length = 0;  // as the header says it, without the header's 5 bytes
};

/// What to do to one byte of one record of the first connection.
struct Fault {
    enum class Kind : std::uint8_t { flip, cut } kind = Kind::flip;
    Direction direction = Direction::up;
    std::size_t record = 0;  // counted from 0, per direction, from the connection's first byte
    std::size_t offset = 0;  // in the record, its header included; a cut comes before that byte
};

/// On one I/O thread. Outlives its tasks: call stop() and turn the thread until idle().
class Recorder {
 public:
    using OnRecord = std::function<void(const Record&)>;

    /// Throws boost::system::system_error if it cannot listen. `on_record` is told of each record
    /// when its header has passed.
    Recorder(boost::asio::any_io_executor executor, const boost::asio::ip::tcp::endpoint& listen,
             const boost::asio::ip::tcp::endpoint& target, OnRecord on_record = {});
    ~Recorder();

    boost::asio::ip::tcp::endpoint address() const;
    /// All records so far, unless on_record takes them.
    const std::vector<Record>& records() const;
    /// The most bytes that one read took, per direction: what came in one system call.
    std::size_t largest_read(Direction direction) const;
    void inject(const Fault& fault);
    void stop();
    bool idle() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::tests

// What a bad exit reads in the headers of a session's packets. Only this pair of files knows the
// fields of UpHeader; the attacks (header_scores.hpp) get numbers and times.
//
//   HeaderReader reader{options};   // before the Crowd is made: listens at the exits
//   Crowd crowd{options}; crowd.run();
//   reader.sessions()               // one entry for each session that reached an exit
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "sphinx/stream/header.hpp"
#include "sphinx/stream/number_order.hpp"
#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab::attacks {

/// Numbers are in random order within blocks of this many, which begin at 1.
inline constexpr stream::PacketNumber number_block = stream::NumberOrder::block;

/// One packet, as its exit sees it.
struct HeaderRead {
    double at = 0;    // arrival, seconds from connecting
    double sent = 0;  // the truth: when the client sent it
    stream::PacketNumber number = 0;
    /// A time in the header, in seconds. The exit knows the rate of its clock, not the offset.
    /// Larger is later. Empty if the header holds none.
    std::optional<double> stamp;
    std::uint32_t sequence = 0;               // stamps of one sequence have one unknown constant
    double surbs = 0;                         // SURBs in the packet
    double frames = 0;                        // bytes of frames that are not padding
    std::vector<stream::PacketNumber> acked;  // replies that no packet before this one acknowledged
};

/// A change of pace that a session's packets announced.
struct PaceChange {
    double at = 0;                 // seconds from connecting; uncertain by the delay of a route
    double before = 0, after = 0;  // replies per second
};

struct SessionRead {
    unsigned client = 0;              // the truth to guess
    unsigned exit = 0;                // a gateway's index
    std::vector<HeaderRead> packets;  // in the order of slots, as far as the exit can tell
};

/// One session and the changes of its pace, in order. The truth, not what an exit could know.
struct SessionChanges {
    unsigned client = 0;
    unsigned exit = 0;
    unsigned middle = 0;  // the mix of layer 2 of its first packet, which a session keeps
    std::vector<PaceChange> changes;
};

class HeaderReader {
 public:
    /// Sets on_sent and on_exit. `options` must be passed on to the Crowd, and this object must
    /// outlive it.
    explicit HeaderReader(CrowdOptions& options);
    HeaderReader(const HeaderReader&) = delete;
    HeaderReader& operator=(const HeaderReader&) = delete;

    /// Call it once, after the run.
    std::vector<SessionRead> sessions();

 private:
    struct Raw {
        HeaderRead read;
        stream::Acks acks;
    };
    struct Raws {
        unsigned client = 0, exit = 0;
        std::vector<Raw> packets;
    };
    void on_exit(const Plaintext& packet);

    std::map<base::SessionId, Raws> sessions_;
    std::map<std::pair<base::SessionId, stream::PacketNumber>, double> sent_;
};

/// Collects all changes of pace of a Crowd. Sets on_sent; otherwise like HeaderReader.
class ChangeReader {
 public:
    explicit ChangeReader(CrowdOptions& options);
    ChangeReader(const ChangeReader&) = delete;
    ChangeReader& operator=(const ChangeReader&) = delete;

    std::vector<SessionChanges> sessions() const;

 private:
    struct Known {
        SessionChanges session;
        std::optional<std::uint32_t> sequence;  // the newest
    };
    double start_;  // network time of the beginning, in seconds
    std::map<base::SessionId, Known> known_;
};

}  // namespace nightjar::lab::attacks

// The sessions of one exit (docs/traffic-law.md section 2): which exist, which one ticks next, and
// how much memory all of them use. `exit_session` is one of them, and says what it sends. Pure:
// `exit` owns the sockets. One thread. `random` and `counters` must outlive this object.
//
// What happens at each limit:
// - sessions: a new session replaces the one that has sent least lately, if that one sends less
//   than any session of an honest client;
// - SURBs of a session: the oldest SURB is dropped;
// - streams of a session: the new stream is reset (overload);
// - memory of all sessions together: the session that has paid least for what it uses ends
//   (base::PaidShares: its packets are its payment), with all that carry the same streams;
// - the connections and lookups of `exit`: it goes by paid().
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "relay/core/counters.hpp"
#include "relay/core/exit_session.hpp"
#include "sphinx/base/holding.hpp"

namespace nightjar::relay::core {

struct ExitLimits {
    std::size_t sessions_max = 4096;
    std::size_t surbs_max = 1024;  // per session; twice the target stock if that is less
    std::size_t memory_max = std::size_t{1} << 30;  // SURBs, buffers and names of all sessions
    // A session without a pace ends when it is silent for so long: its client has closed it.
    base::Seconds silence{10};
    // One with a pace ends later: the client's link may be interrupted. Behind `silence` it counts
    // as frozen.
    base::Seconds frozen{130};
    base::Seconds newcomer{2};                 // for so long the first packet pays for a session
    std::optional<stream::MuxLimits> streams;  // nullopt: derived from the network's rates
};

/// The packets a second below which a session may lose its place: less than half of what a shared
/// session on trial sends, so that chance does not end it. At least one in two seconds, half of
/// what any session of a client sends.
double least_paid(const directory::Parameters& parameters);

class ExitSessions {
 public:
    using Reply = ExitSession::Reply;

    ExitSessions(const directory::Parameters& parameters, base::Random& random, Counters& counters,
                 ExitLimits limits = {},
                 std::unique_ptr<ReplySealer> sealer = std::make_unique<ReplySealer>());
    ~ExitSessions();

    /// Sets newer parameters for later decisions. A pace already in force stays until the session's
    /// next schedule.
    void use(const directory::Parameters& parameters);

    /// Handles the message of an exit payload (2048 bytes). A malformed message is dropped as a
    /// whole and counted. Never creates a reply: replies leave by tick() only. `wall`: network time
    /// at `now`, by which paces change.
    void on_message(base::ByteView message, base::Mono now, base::Wall wall);

    /// Appends one reply to `out` for each tick that is due by `now`. A tick is missed if the
    /// session has no usable SURB, or if it was due more than 250 ms ago because of a stall. Missed
    /// ticks are not made up. A SURB is usable as long as every hop of the reply will still accept
    /// the key of the SURB's epoch (`wall` gives the current epoch).
    void tick(base::Mono now, base::Wall wall, std::vector<Reply>& out);
    /// The time of the next call of tick() or prepare() that has work; Mono::max() if there are no
    /// sessions.
    base::Mono next_due() const;

    /// Replies are sealed some milliseconds before their moment of the beat. So the moment at which
    /// they leave does not say how many there are. tick() seals what prepare() has not.
    static constexpr base::Milliseconds lead_most{5};  // a quarter of a gap if that is shorter
    static constexpr std::size_t prepared_together = 16;
    bool wants_to_prepare(base::Mono now) const;
    /// Seals at most prepared_together replies, for the next moment of the beat.
    void prepare(base::Mono now, base::Wall wall);
    /// The beat by which all sessions tick. It has been told the time in tick().
    const stream::Beat& beat() const;

    // --- for the exit's sockets; a call goes to the Mux of the streams that this session began ---
    /// An event of stream 0 means that all streams of the session have ended, also those that have
    /// no event of their own.
    std::vector<ExitEvent> take_events();
    /// What the sessions that carry these streams have paid; nothing if there are none.
    base::Paid paid(const base::SessionId& session) const;
    void accept(const StreamRef& stream);
    std::size_t write(const StreamRef& stream, base::ByteView bytes);
    std::size_t writable(const StreamRef& stream) const;
    std::size_t read(const StreamRef& stream, base::ByteSpan out);
    void finish(const StreamRef& stream);
    void stop(const StreamRef& stream, stream::ResetReason reason);
    void reset(const StreamRef& stream, stream::ResetReason reason);

    // --- what name lookups have found; kept as long as any session carries the streams ---
    std::optional<NameAnswer> remembered(const base::SessionId& session, std::string_view name,
                                         Family family, base::Mono now) const;
    void remember(const base::SessionId& session, std::string_view name, Family family,
                  const NameAnswer& answer, base::Mono now);
    /// See NameAnswers::remember_silence().
    void remember_silence(const base::SessionId& session, std::string_view name, Family family,
                          base::Mono now);
    /// Forgets the names of all sessions: the name servers have changed.
    void forget_names();

    std::size_t sessions() const;
    /// The sum of the paces in force, in replies per second, as of each session's last packet or
    /// tick. Sessions that are frozen or not answered() do not count.
    double pace() const;
    /// The bytes that ExitLimits::memory_max limits.
    std::size_t memory() const;
    /// True if every session that carries these streams counts as frozen: their client's link may
    /// be interrupted.
    bool interrupted(const base::SessionId& streams) const;
    /// The number of SURBs that a session holds; 0 if the session is unknown.
    std::size_t stock(const base::SessionId& session) const;

    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::relay::core

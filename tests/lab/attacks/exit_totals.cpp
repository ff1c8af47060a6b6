#include "tests/lab/attacks/exit_totals.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace nightjar::lab::attacks {
namespace {

std::size_t bin_of(double seconds) {
    return static_cast<std::size_t>(std::max(0.0, seconds) / bin_seconds);
}

float sum_of(const std::vector<float>& bins, double from, double window) {
    const auto begin = std::min(bin_of(from), bins.size());
    const auto end = std::min(bin_of(from + window), bins.size());
    return std::accumulate(bins.begin() + static_cast<std::ptrdiff_t>(begin),
                           bins.begin() + static_cast<std::ptrdiff_t>(end), 0.0F);
}

/// When an exit has spent the last SURB of a client that has left. It ends the session later.
double last_reply_at(const Trace& trace, double pace, const directory::Parameters& law) {
    const directory::Rate rate{static_cast<std::uint32_t>(std::lround(1000 * pace))};
    return trace.leaves + law.surb_stock_target(rate) / pace;
}

/// The exits' loops that begin in one bin, and return later.
void add_loops(unsigned exit, std::size_t bin, double loops, const directory::Parameters& law,
               ExitTotals& totals, base::Random& random) {
    totals.sent[exit][bin] += static_cast<float>(loops);
    for (; loops >= 1; --loops) {
        double back = 0;
        for (unsigned hop = 0; hop < 4; ++hop)
            back += base::to_seconds(random.exponential(law.mean_delay));
        const auto at = bin + bin_of(back + bin_seconds * random.unit());
        if (at < totals.got[exit].size()) ++totals.got[exit][at];
    }
}

double poisson(double mean, base::Random& random) {
    double count = 0;
    for (double left = mean - base::to_seconds(random.exponential(base::Seconds{1})); left > 0;
         left -= base::to_seconds(random.exponential(base::Seconds{1})))
        ++count;
    return count;
}

/// The room above what an exit sends or gets when a level is drawn, in cells a second.
double headroom(const ExitCover& cover, double pace, const directory::Parameters& law,
                base::Random& random) {
    const auto replies = law.replies.per_second();
    const auto room = cover.share * pace + cover.per_client * std::sqrt(pace / replies) * replies;
    return room * (0.5 + random.unit());
}

std::size_t period_of(std::size_t bin, const ExitCover& cover) {
    return static_cast<std::size_t>(static_cast<double>(bin) * bin_seconds / cover.every);
}

/// Returns the number of cells of cover.
double fill_to_two_levels(unsigned exit, const ExitTotals& totals, const ExitCover& cover,
                          const directory::Parameters& law, ExitTotals& covered,
                          base::Random& random) {
    constexpr std::size_t counted = 5;  // bins: an exit goes by what it got in half a second
    constexpr double made_up = 0.2;     // seconds: a bin that is too full makes the next ones lower
    double level_got = 0, level_sent = 0, owed_loops = 0, owed = 0, cells = 0;
    std::size_t period = SIZE_MAX;
    for (std::size_t bin = counted; bin < totals.pace[exit].size(); ++bin) {
        const auto since = static_cast<double>(bin - counted) * bin_seconds;
        const auto got =
            sum_of(totals.got[exit], since, counted * bin_seconds) / (counted * bin_seconds);
        const double sent = totals.sent[exit][bin];
        if (period_of(bin, cover) != std::exchange(period, period_of(bin, cover))) {
            const double pace = totals.pace[exit][bin];
            const auto room = headroom(cover, pace, law, random);
            level_got = got + room;
            level_sent =
                sum_of(totals.sent[exit], since, counted * bin_seconds) / (counted * bin_seconds) +
                room + headroom(cover, pace, law, random) / 4;
        }
        owed_loops += std::max(0.0, level_got - got) * bin_seconds;
        const auto loops = std::floor(owed_loops);
        owed_loops -= loops;
        owed = std::max(owed + level_sent * bin_seconds - sent - loops, -level_sent * made_up);
        const auto drops = std::max(0.0, std::floor(owed));
        owed -= drops;
        add_loops(exit, bin, loops, law, covered, random);
        covered.sent[exit][bin] += static_cast<float>(drops);
        cells += loops + drops;
    }
    return cells;
}

/// `never`: the relay that cannot be the one to find.
unsigned largest_step(const Bins& totals, const ExitEvent& event, double window, double after,
                      float sign, std::optional<unsigned> never) {
    unsigned best = 0;
    float most = 0;
    bool any = false;
    for (unsigned relay = 0; relay < totals.size(); ++relay) {
        if (relay == never) continue;
        const auto change = sign * (sum_of(totals[relay], event.at + after, window) -
                                    sum_of(totals[relay], event.at - window, window));
        if (any && change <= most) continue;
        best = relay;
        most = change;
        any = true;
    }
    return best;
}

}  // namespace

TotalsWatcher::TotalsWatcher(CrowdOptions& options, bool tells_cover)
    : options_{options},
      changes_{options},
      sent_(options.network.gateways, std::vector<float>(bin_of(options.seconds) + 1)),
      got_{sent_},
      middle_(options.network.mixes_per_layer, sent_.front()),
      sent_by_millisecond_(
          options.network.gateways,
          std::vector<std::uint8_t>(static_cast<std::size_t>(options.seconds * 1000) + 1)),
      tells_cover_{tells_cover},
      known_(options.clients) {
    if (tells_cover) without_cover_ = {sent_, sent_by_millisecond_, 0};
    options.traces = false;
    options.seen = [this](const lab::world::OnWire& cell) { see(cell); };
}

void TotalsWatcher::see(const lab::world::OnWire& cell) {
    const auto& network = options_.network;
    const auto mixes = std::size_t{network.layers} * network.mixes_per_layer;
    const auto relays = mixes + network.gateways;
    if (cell.from_number >= relays || cell.to_number >= relays) return see_client_link(cell);
    const auto since = cell.sent - lab::world::World::begin;
    const auto bin = bin_of(base::to_seconds(since));
    if (bin >= sent_.front().size()) return;
    const auto middle = cell.to_number - network.mixes_per_layer;  // wraps for layer 1
    if (middle < network.mixes_per_layer) ++middle_[middle][bin];
    if (cell.to_number >= mixes) ++got_[cell.to_number - mixes][bin];
    if (cell.from_number < mixes) return;
    const auto exit = cell.from_number - mixes;
    const auto count = [&](Bins& bins, Milliseconds& milliseconds) {
        ++bins[exit][bin];
        const auto millisecond =
            static_cast<std::size_t>(std::chrono::floor<base::Milliseconds>(since).count());
        auto& cells = milliseconds[exit];
        if (millisecond < cells.size() && cells[millisecond] < UINT8_MAX) ++cells[millisecond];
    };
    count(sent_, sent_by_millisecond_);
    if (tells_cover_ && !is_cover(cell.cell))
        count(without_cover_.sent, without_cover_.sent_by_millisecond);
}

/// A gateway sends to all its clients, in the same gap always, before any exit replies to them.
void TotalsWatcher::see_client_link(const lab::world::OnWire& cell) {
    if (!tells_cover_) return;
    const auto* mailbox = std::get_if<base::MailboxId>(&cell.to);
    if (mailbox == nullptr) return;
    const auto client = cell.to_number -
                        std::size_t{options_.network.layers} * options_.network.mixes_per_layer -
                        options_.network.gateways;
    if (known_[client]) return;
    known_[client] = true;
    mailboxes_.insert(*base::Destination::from(mailbox->bytes));
}

bool TotalsWatcher::is_cover(const cell::Cell& cell) {
    const auto header = lab::world::read_clear(cell.body());
    if (header.at > 0) return false;  // its sender is a client of this gateway
    const bool reply = mailboxes_.contains(header.destination);
    ++(reply ? replies_ : cover_);
    without_cover_.cover =
        static_cast<double>(cover_) / static_cast<double>(std::max<std::uint64_t>(1, replies_));
    return !reply;
}

ExitTotals TotalsWatcher::totals(const Crowd& crowd) const {
    ExitTotals totals{sent_, got_, middle_,
                      Bins(sent_.size(), std::vector<float>(sent_.front().size())), 0};
    const auto& law = options_.network.parameters;
    for (const auto& session : changes_.sessions()) {
        const auto& trace = crowd.traces()[session.client];
        double pace = 0;
        for (const auto& change : session.changes)
            if (change.at < trace.leaves) pace = change.after;
        const auto end = bin_of(pace > 0 ? last_reply_at(trace, pace, law) : trace.leaves);
        for (const auto& change : session.changes) {
            auto& sum = totals.pace[session.exit];
            for (auto bin = bin_of(change.at); bin < std::min(end, sum.size()); ++bin)
                sum[bin] += static_cast<float>(change.after - change.before);
        }
    }
    return totals;
}

std::vector<ExitEvent> events_of(std::vector<SessionChanges> sessions, const Trace& client,
                                 double until, const directory::Parameters& law) {
    using What = ExitEvent::What;
    constexpr double large = 15;  // replies per second; a trial gets less
    std::vector<ExitEvent> events;
    const SessionChanges* main = nullptr;  // the session with the client's largest pace at the end
    double main_pace = 0;
    for (const auto& session : sessions) {
        double pace = 0;
        for (const auto& change : session.changes) {
            if (change.at > client.leaves) break;
            pace = change.after;
            if (change.after - change.before >= large)
                events.push_back({change.before > 0 ? What::stays : What::connects, change.at,
                                  session.exit, client.gateway, session.middle});
        }
        if (pace > main_pace) main = &session, main_pace = pace;
    }
    std::sort(events.begin(), events.end(),
              [](const auto& a, const auto& b) { return a.at < b.at; });
    for (std::size_t i = 1; i < events.size(); ++i) {
        if (events[i].what != What::stays) continue;
        if (events[i].exit != events[i - 1].exit)
            events[i].what = What::handover;
        else if (events[i - 1].what == What::handover)
            events[i].what = What::after;
    }
    if (client.leaves < until && main_pace > large)
        events.push_back({What::leaves, last_reply_at(client, main_pace, law), main->exit,
                          client.gateway, main->middle});
    return events;
}

std::vector<ExitEvent> TotalsWatcher::events(const Crowd& crowd) const {
    std::vector<std::vector<SessionChanges>> by_client(crowd.traces().size());
    for (auto& session : changes_.sessions())
        by_client[session.client].push_back(std::move(session));
    std::vector<ExitEvent> events;
    for (std::size_t i = 0; i < by_client.size(); ++i) {
        const auto own = events_of(std::move(by_client[i]), crowd.traces()[i], options_.seconds,
                                   options_.network.parameters);
        events.insert(events.end(), own.begin(), own.end());
    }
    return events;
}

unsigned most_changed(const Bins& totals, const ExitEvent& event, double window, double after,
                      bool reversed) {
    const auto sign = (event.what == ExitEvent::What::leaves) != reversed ? -1.0F : 1.0F;
    return largest_step(totals, event, window, after, sign, event.gateway);
}

unsigned most_changed_middle(const Bins& totals, const ExitEvent& event, double window,
                             double after) {
    const auto sign = event.what == ExitEvent::What::leaves ? -1.0F : 1.0F;
    return largest_step(totals, event, window, after, sign, std::nullopt);
}

ExitTotals with_cover(const ExitTotals& totals, const ExitCover& cover,
                      const directory::Parameters& law, base::Random& random) {
    auto covered = totals;
    if (cover.law == ExitCover::Law::none) return covered;
    double cells = 0, replies = 0;
    for (unsigned exit = 0; exit < totals.pace.size(); ++exit) {
        double level = 0, owed = 0;
        std::size_t period = SIZE_MAX;
        for (const double pace : totals.pace[exit])
            replies += pace * bin_seconds;
        if (cover.law == ExitCover::Law::two_levels) {
            cells += fill_to_two_levels(exit, totals, cover, law, covered, random);
            continue;
        }
        for (std::size_t bin = 0; bin < totals.pace[exit].size(); ++bin) {
            const double pace = totals.pace[exit][bin];
            double loops = 0;
            if (cover.law == ExitCover::Law::poisson) {
                loops = poisson(cover.share * pace * bin_seconds, random);
            } else {
                if (period_of(bin, cover) != std::exchange(period, period_of(bin, cover)))
                    level = pace + headroom(cover, pace, law, random);
                owed += std::max(0.0, level - pace) * bin_seconds;
                loops = std::floor(owed);
                owed -= loops;
            }
            cells += loops;
            add_loops(exit, bin, loops, law, covered, random);
        }
    }
    covered.cover = cells / std::max(1.0, replies);
    return covered;
}

}  // namespace nightjar::lab::attacks

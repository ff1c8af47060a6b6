#include "tests/lab/sessions/scores.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "tests/lab/measure/spectral_bound.hpp"
#include "tests/lab/sessions/two_exits.hpp"

namespace nightjar::lab::sessions {
namespace {

constexpr unsigned hops_to_exit = 4, hops_back = 3;

/// Scores are read after two and eleven minutes, and at the end.
bool is_checkpoint(std::size_t done, std::size_t segments) {
    return done == 1 || done == 5 || done == segments;
}

/// Sessions with the same share of their clients' slots.
struct Kind {
    const char* name;
    double least;  // of its share
};
constexpr Kind sessions_by_share[] = {
    {"whole pace", 0.9}, {"main", 0.5}, {"lingering", 0.25}, {"one of six", 0}};

struct Watched {
    const SessionFlow* flow;
    const char* kind;
    double share = 0;  // of the client's main slots
    Spectrum arrivals, replies;
    std::vector<double> by_link, by_gateway;  // log-likelihood ratios by client
    double link_deflection = 0, gateway_deflection = 0;
    std::map<std::size_t, double> by_other;  // by another session's index
};

double count_in(const Moments& moments, double begin, double end) {
    return static_cast<double>(std::lower_bound(moments.begin(), moments.end(), end) -
                               std::lower_bound(moments.begin(), moments.end(), begin));
}

class Comparison {
 public:
    Comparison(const std::vector<ClientFlow>& clients, const std::vector<SessionFlow>& sessions,
               std::uint32_t begin, std::size_t segments, const directory::Parameters& law)
        : clients_{clients},
          begin_{static_cast<double>(begin)},
          delay_{base::to_seconds(law.mean_delay)},
          loops_{law.client_loops.per_second() / law.main_slots.per_second()} {
        const auto end = begin_ + static_cast<double>(segments * segment_ms);
        for (const auto& flow : sessions) {
            const auto slots = count_in(clients[flow.client].slots, begin_, end) / (1 + loops_);
            const auto share = count_in(flow.arrivals, begin_, end) / std::max(1.0, slots);
            const auto* kind =
                std::find_if(std::begin(sessions_by_share), std::end(sessions_by_share),
                             [&](const auto& one) { return share >= one.least; });
            watched_.push_back({&flow, kind->name, share, {}, {}, {}, {}, 0, 0, {}});
            watched_.back().by_link.resize(clients.size());
            watched_.back().by_gateway.resize(clients.size());
        }
    }

    void add_segment(std::size_t segment) {
        const auto at = begin_ + static_cast<double>(segment * segment_ms);
        const FlowLikelihood back{{hops_back, delay_}, 1};
        const FlowLikelihood up{{hops_to_exit, delay_}, 1};
        std::vector<Spectrum> slots, deliveries;
        for (const auto& client : clients_) {
            auto [slot, delivery] =
                spectra(client.slots, at, client.deliveries, at + back.shift_ms());
            slots.push_back(std::move(slot));
            deliveries.push_back(std::move(delivery));
        }
        for (auto& session : watched_)
            std::tie(session.arrivals, session.replies) =
                spectra(session.flow->arrivals, at + up.shift_ms(), session.flow->replies, at);
        for (const auto& kind : sessions_by_share)
            compare_with_links(kind.name, slots);
        for (auto& session : watched_) {
            if (session.replies.events < 1) continue;
            const auto cause = back.prepare(session.replies);
            for (std::size_t i = 0; i < clients_.size(); ++i)
                session.by_gateway[i] += back.ratio(cause, deliveries[i]);
            session.gateway_deflection += back.deflection(cause, deliveries[session.flow->client]);
        }
        compare_sessions();
        pairs_end_ = at + segment_ms;
    }

    void collect(std::size_t segments, SessionScores& scores) const {
        for (const auto& session : watched_) {
            const auto client = session.flow->client;
            add(client, session.by_link, session.link_deflection,
                scores[{exit_and_link, session.kind, segments}]);
            if (!session.flow->replies.empty())
                add(client, session.by_gateway, session.gateway_deflection,
                    scores[{exit_and_gateway, session.kind, segments}]);
            if (!session.by_other.empty())
                add_pairs(session, scores[{two_exits, session.kind, segments}]);
        }
        collect_both(segments, scores);
        if (pairs_.size() < 4) return;
        const auto* kind = watched_[pairs_.front().first].kind;
        add_learned(cross_.scores(), scores[{two_exits_fitted, kind, segments}]);
        std::vector<SessionPair> flows;
        for (const auto& [mine, other] : pairs_)
            flows.push_back({watched_[mine].flow, watched_[other].flow});
        add_learned(score_by_counts(flows, begin_, pairs_end_),
                    scores[{two_exits_counts, kind, segments}]);
    }

 private:
    void compare_with_links(const char* kind, const std::vector<Spectrum>& slots) {
        std::optional<FlowLikelihood> model;
        std::vector<FlowLikelihood::Cause> causes;
        for (auto& session : watched_) {
            if (session.kind != kind) continue;
            if (!model) {
                model.emplace(attacks::Route{hops_to_exit, delay_}, session.share / (1 + loops_));
                for (const auto& one : slots)
                    causes.push_back(model->prepare(one));
            }
            for (std::size_t i = 0; i < causes.size(); ++i)
                session.by_link[i] += model->ratio(causes[i], session.arrivals);
            session.link_deflection +=
                model->deflection(causes[session.flow->client], session.arrivals);
        }
    }

    /// A client's two sessions with the largest shares: the first one against the second one of
    /// every client.
    void compare_sessions() {
        std::map<unsigned, std::vector<std::size_t>> by_client;
        for (std::size_t i = 0; i < watched_.size(); ++i)
            by_client[watched_[i].flow->client].push_back(i);
        std::vector<std::pair<std::size_t, std::size_t>> pairs;
        for (auto& [client, own] : by_client) {
            if (own.size() < 2) continue;
            std::stable_sort(own.begin(), own.end(), [&](std::size_t a, std::size_t b) {
                return std::string{watched_[a].kind} > std::string{watched_[b].kind};
            });
            pairs.emplace_back(own[0], own[1]);
        }
        if (pairs.empty()) return;
        if (pairs_.empty()) pairs_ = pairs;
        std::vector<Spectrum> firsts, seconds;
        for (const auto& [mine, other] : pairs) {
            firsts.push_back(watched_[mine].arrivals);
            seconds.push_back(watched_[other].arrivals);
        }
        cross_.add(firsts, seconds);
        const auto& first = watched_[pairs.front().first];
        const auto& second = watched_[pairs.front().second];
        const SharedSlots shared{{hops_to_exit, delay_}, first.share, second.share};
        for (const auto& [mine, unused] : pairs)
            for (const auto& [unused_too, other] : pairs)
                watched_[mine].by_other[other] +=
                    shared.ratio(watched_[mine].arrivals, watched_[other].arrivals);
    }

    static void take(double own, const std::vector<double>& foreign, Compared& compared) {
        std::size_t better = 0, equal = 0;
        for (const auto score : foreign) {
            better += score > own;
            equal += score == own;
        }
        compared.own.push_back(own);
        compared.foreign.insert(compared.foreign.end(), foreign.begin(), foreign.end());
        compared.right += better == 0 ? 1.0 / (1.0 + static_cast<double>(equal)) : 0;
        compared.of = std::max(compared.of, foreign.size() + 1);
    }

    static void add(unsigned client, const std::vector<double>& ratios, double deflection,
                    Compared& compared) {
        std::vector<double> foreign;
        for (std::size_t i = 0; i < ratios.size(); ++i)
            if (i != client) foreign.push_back(ratios[i]);
        take(ratios[client], foreign, compared);
        compared.expected += measure::auc_of(deflection, 1);
    }

    /// An exit that knows that two sessions are one client's, as a stream tells that outlives the
    /// first of them.
    void collect_both(std::size_t segments, SessionScores& scores) const {
        for (const auto& [mine, other] : pairs_) {
            const auto &a = watched_[mine], &b = watched_[other];
            if (a.flow->exit != b.flow->exit) continue;
            auto by_link = a.by_link, by_gateway = a.by_gateway;
            for (std::size_t i = 0; i < by_link.size(); ++i) {
                by_link[i] += b.by_link[i];
                by_gateway[i] += b.by_gateway[i];
            }
            const auto client = a.flow->client;
            add(client, by_link, a.link_deflection + b.link_deflection,
                scores[{exit_and_link, both_sessions, segments}]);
            if (!a.flow->replies.empty() && !b.flow->replies.empty())
                add(client, by_gateway, a.gateway_deflection + b.gateway_deflection,
                    scores[{exit_and_gateway, both_sessions, segments}]);
        }
    }

    void add_pairs(const Watched& session, Compared& compared) const {
        double own = 0;
        std::vector<double> foreign;
        for (const auto& [other, ratio] : session.by_other) {
            if (watched_[other].flow->client == session.flow->client)
                own = ratio;
            else
                foreign.push_back(ratio);
        }
        take(own, foreign, compared);
    }

    static void add_learned(const PairScores& scores, Compared& compared) {
        for (std::size_t i = 0; i < scores.size(); ++i) {
            std::vector<double> foreign;
            for (std::size_t j = 0; j < scores.size(); ++j)
                if (j != i && same_half(i, j)) foreign.push_back(scores[i][j]);
            take(scores[i][i], foreign, compared);
        }
    }

    const std::vector<ClientFlow>& clients_;
    std::vector<std::pair<std::size_t, std::size_t>> pairs_;  // a client's two sessions, by index
    CrossSpectra cross_;
    double pairs_end_ = 0;  // ms
    double begin_;          // ms
    double delay_;          // seconds, of each hop
    double loops_;          // by main slot
    std::vector<Watched> watched_;
};

}  // namespace

SessionScores score_sessions(const std::vector<ClientFlow>& clients,
                             const std::vector<SessionFlow>& sessions, std::uint32_t begin,
                             std::size_t segments, const directory::Parameters& law) {
    Comparison comparison{clients, sessions, begin, segments, law};
    SessionScores scores;
    for (std::size_t segment = 0; segment < segments; ++segment) {
        comparison.add_segment(segment);
        if (is_checkpoint(segment + 1, segments)) comparison.collect(segment + 1, scores);
    }
    return scores;
}

}  // namespace nightjar::lab::sessions

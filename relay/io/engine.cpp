#include "relay/io/engine.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "relay/io/name_client.hpp"
#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;

namespace {

// CLOCK_BOOTTIME and CLOCK_MONOTONIC drift apart only while the machine is suspended. Reading them
// one after the other adds microseconds, so a difference above this is a suspend.
constexpr base::Milliseconds suspend_least{10};
constexpr base::Seconds log_loops_every{60};

}  // namespace

Engine::Engine(asio::io_context& io, EngineOptions options, directory::SignedDocument document,
               node::link::TlsIdentity& tls, core::Keyring& keyring,
               node::process::ClockGuard& clock, node::process::TaskGroup& tasks)
    : io_{io},
      clock_{clock},
      hash_{random_},
      sessions_{options.exit ? std::make_optional<core::ExitSessions>(document.document->parameters,
                                                                      random_, counters_)
                             : std::nullopt},
      pipeline_{options.links.self,
                document.document,
                keyring,
                sessions_ ? &*sessions_ : nullptr,
                random_,
                counters_,
                node::process::mono_now(),
                options.pipeline},
      ticker_{io.get_executor(), [this] { return pipeline_.next_due(); },
              [this](base::Mono now) { tick(now); }},
      links_{io.get_executor(),
             std::move(options.links),
             std::move(document),
             tls,
             random_,
             counters_,
             tasks,
             *this},
      suspended_{node::process::time_suspended()},
      pool_{io, options.workers,
            [this](UnwrapPool::Batch batch) { on_unwrapped(std::move(batch)); }} {
    if (!options.exit) return;
    auto& exit = *options.exit;
    exit_.emplace(io.get_executor(), *sessions_, tasks, std::move(exit.policy),
                  std::make_unique<NameClient>(io.get_executor(), std::move(exit.name_keeper),
                                               exit.dns_servers),
                  std::make_unique<DialClient>(io.get_executor(), std::move(exit.dial_keeper)),
                  exit.dns_servers.empty());
}

Engine::~Engine() {
    *alive_ = false;
}

void Engine::start() {
    if (exit_) exit_->start();
    links_.start();
    ticker_.arm();
}

void Engine::use(const directory::SignedDocument& document, core::ExitPolicy policy) {
    // Update the links first: they point to relays inside the old document, which the pipeline
    // releases.
    links_.use(document);
    pipeline_.use(document.document);
    if (exit_) exit_->use(std::move(policy));
    ticker_.arm();
}

void Engine::use(core::ExitPolicy policy, const std::vector<base::IpEndpoint>& dns_servers) {
    if (exit_) exit_->use(std::move(policy), dns_servers);
}

void Engine::on_packet(const core::Origin& from, cell::CellBox cell) {
    auto work = pipeline_.accept(from, std::move(cell), node::process::mono_now(), kept_time());
    if (!work) return;
    const auto neighbour = from.relay ? hash_(from.relay->identity) : hash_(from.client);
    if (pool_.submit(std::move(*work), neighbour)) return;
    counters_.drop(core::DropReason::overflow);
    ++unwrap_refused_;
}

void Engine::on_client(const base::MailboxId& client, const base::IpAddress& from) {
    pipeline_.client_connected(client, from, node::process::mono_now());
    ticker_.arm();
}

void Engine::on_client_gone(const base::MailboxId& client) {
    pipeline_.client_gone(client, node::process::mono_now());
}

void Engine::on_unwrapped(UnwrapPool::Batch batch) {
    pipeline_.unwrapped(batch);
    counters_.dropped[static_cast<std::size_t>(core::DropReason::overflow)] += pool_.take_stale();
    ticker_.arm();
}

void Engine::tick(base::Mono now) {
    const auto suspended = node::process::time_suspended();
    if (suspended - suspended_ > suspend_least) pipeline_.slept(suspended - suspended_);
    suspended_ = suspended;
    pipeline_.tick(now, kept_time(), links_);
    for (const auto round_trip : pipeline_.take_loop_round_trips()) {
        loop_round_trips_ += round_trip;
        round_trips_.add(round_trip);
    }
    watch_loops(now);
    watch_answer();
    watch_replay_room(now);
    watch_replay_filters();
    if (exit_) exit_->pump();
    build_ahead(now);
}

/// In this tick, or since the last call, links have posted their writes, so those come first.
void Engine::build_ahead(base::Mono now) {
    if (!pipeline_.wants_to_build(now)) return;
    asio::post(io_, [this, alive = alive_] {
        if (!*alive) return;
        const auto later = node::process::mono_now();
        if (pipeline_.build_ahead(later, kept_time())) build_ahead(later);
    });
}

void Engine::watch_loops(base::Mono now) {
    const bool missing = pipeline_.loop_watch().missing();
    if (missing == loops_.missing || now - loops_logged_ < log_loops_every) return;
    loops_.missing = missing;
    loops_logged_ = now;
    if (missing)
        node::process::log(node::process::Level::warning,
                           "too many of this relay's loops do not come back: a relay is down or "
                           "overloaded, or somebody drops packets");
    else
        node::process::log(node::process::Level::info, "this relay's loops come back again");
}

void Engine::watch_answer() {
    if (pipeline_.loop_watch().withheld()) loops_.withheld_at = kept_time();
    if (pipeline_.answers() == loops_.answers) return;
    loops_.answers = !loops_.answers;
    if (loops_.answers)
        node::process::log(
            node::process::Level::warning,
            "this relay's loops say that an attacker withholds, replaces or delays the "
            "packets sent to it, or that it is overloaded; it now sends drop cover "
            "and holds packets for longer");
    else
        node::process::log(node::process::Level::info,
                           "no packets have been withheld for two minutes: drop cover ends");
}

void Engine::watch_replay_room(base::Mono now) {
    const bool is_short = pipeline_.replay_room_short(now);
    if (is_short == replay_room_short_) return;
    replay_room_short_ = is_short;
    if (is_short)
        node::process::log(node::process::Level::warning,
                           "the replay filters have no room to spare: packets of neighbours that "
                           "send more than their part are refused; raise `packets_per_second`");
    else
        node::process::log(node::process::Level::info, "the replay filters have room again");
}

void Engine::watch_replay_filters() {
    const bool full = pipeline_.replay_filter_full();
    if (full == std::exchange(replay_filter_full_, full)) return;
    if (full) ++replay_filters_filled_;
    if (full)
        node::process::log(node::process::Level::warning,
                           "a replay filter is full: it holds as many packets as it is made for, "
                           "and takes as many again; raise `packets_per_second`");
    else
        node::process::log(node::process::Level::info, "no replay filter is full any longer");
}

void Engine::forget(base::Mono now) {
    links_.forget(now);
    pipeline_.forget(now);
    base::wipe_stack();  // an exit that has become idle would keep its last sessions there
    pool_.wipe_stacks();
}

core::LabFacts Engine::lab_facts() {
    return {counters_, loop_round_trips_,   unwrap_refused_,        no_descriptors(),
            loops_,    replay_filter_full_, replay_filters_filled_, round_trips_};
}

std::uint64_t Engine::no_descriptors() const {
    return links_.accept_pauses() + (exit_ ? exit_->no_descriptors() : 0);
}

asio::awaitable<void> Engine::stop_accepting() {
    links_.stop_accepting();
    co_return;
}

bool Engine::empty() const {
    return pool_.pending() == 0 && pipeline_.held() == 0;
}

asio::awaitable<void> Engine::drained() {
    pipeline_.drain();
    ticker_.arm();
    asio::steady_timer pause{co_await asio::this_coro::executor};
    for (;;) {
        if (empty()) co_return;
        pause.expires_after(base::Milliseconds{5});
        const auto waited = co_await pause.async_wait(node::process::as_result);
        if (std::get<0>(waited)) co_return;
    }
}

void Engine::close() {
    ticker_.stop();
    if (exit_) exit_->stop();
    links_.close();
}

void Engine::list_holdings(base::Holdings& out) const {
    const auto& [io, alive, clock, random, hash, counters, sessions, pipeline, ticker, links, exit,
                 suspended, loop_times, round_trips, refused, loops, room_short, filter_full,
                 filled, logged, pool] = *this;
    links.list_holdings(out);
    out.push_back({"UnwrapPool.waiting", "packets", pool.pending(),
                   "for milliseconds: a packet that has arrived, and which neighbour sent it"});
    pipeline.list_holdings(out);
    if (exit) exit->list_holdings(out);
}

}  // namespace nightjar::relay::io

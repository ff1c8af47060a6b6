#include "relay/engine.hpp"

#include "relay/clocks.hpp"

namespace nightjar::relay {

namespace asio = boost::asio;

namespace {

// CLOCK_BOOTTIME and CLOCK_MONOTONIC drift apart only while the machine is suspended. Reading them
// one after the other adds microseconds, so a difference above this is a suspend.
constexpr base::Milliseconds suspend_least{10};

LinksOptions links_options(const Loaded& loaded, const directory::Anchors& anchors) {
    LinksOptions options;
    options.self = loaded.identity.id;
    options.network = directory::network_id(anchors);
    for (const auto& endpoint : loaded.config.listen)
        options.listen.emplace_back(asio::ip::make_address(endpoint.host), endpoint.port);
    return options;
}

}  // namespace

Engine::Engine(asio::io_context& io, const Loaded& loaded, const directory::Anchors& anchors,
               node::TlsIdentity& tls, Keyring& keyring, node::TaskGroup& tasks)
    : sessions_{loaded.config.is_exit()
                    ? std::make_optional<ExitSessions>(loaded.document.document->parameters,
                                                       random_, counters_)
                    : std::nullopt},
      pipeline_{loaded.identity.id,
                loaded.document.document,
                keyring,
                sessions_ ? &*sessions_ : nullptr,
                random_,
                counters_,
                mono_now(),
                PipelineOptions{.lab_drop_share = loaded.config.lab_drop_share}},
      ticker_{io.get_executor(), [this] { return pipeline_.next_due(); },
              [this](base::Mono now) { tick(now); }},
      links_{io.get_executor(),
             links_options(loaded, anchors),
             loaded.document,
             tls,
             random_,
             counters_,
             tasks,
             *this},
      suspended_{time_suspended()},
      pool_{io, loaded.config.workers,
            [this](UnwrapPool::Batch batch) { on_unwrapped(std::move(batch)); }} {
    if (!sessions_) return;
    exit_.emplace(io.get_executor(), *sessions_, tasks,
                  make_exit_policy(loaded.config, *loaded.document.document),
                  loaded.config.dns_servers);
}

Engine::~Engine() = default;

void Engine::start() {
    links_.start();
    ticker_.arm();
}

void Engine::use(const directory::SignedDocument& document, ExitPolicy policy) {
    // Update the links first: they point to relays inside the old document, which the pipeline
    // releases.
    links_.use(document);
    pipeline_.use(document.document);
    if (exit_) exit_->use(std::move(policy));
    ticker_.arm();
}

void Engine::use(ExitPolicy policy, const std::vector<IpEndpoint>& dns_servers) {
    if (exit_) exit_->use(std::move(policy), dns_servers);
}

void Engine::on_packet(const From& from, cell::CellBox cell) {
    auto work = pipeline_.accept(from, std::move(cell), mono_now(), wall_now());
    if (!work || pool_.submit(std::move(*work))) return;
    counters_.drop(DropReason::overflow);
    ++unwrap_refused_;
}

void Engine::on_client(const base::MailboxId& client) {
    pipeline_.client_connected(client, mono_now());
    ticker_.arm();
}

void Engine::on_client_gone(const base::MailboxId& client) {
    pipeline_.client_gone(client);
}

void Engine::on_unwrapped(UnwrapPool::Batch batch) {
    pipeline_.unwrapped(batch);
    ticker_.arm();
}

void Engine::tick(base::Mono now) {
    const auto suspended = time_suspended();
    if (suspended - suspended_ > suspend_least) pipeline_.slept(suspended - suspended_);
    suspended_ = suspended;
    pipeline_.tick(now, wall_now(), links_);
    for (const auto round_trip : pipeline_.take_loop_round_trips())
        loop_round_trips_ += round_trip;
    if (exit_) exit_->pump();
}

LabFacts Engine::lab_facts() {
    return {counters_, loop_round_trips_, unwrap_refused_};
}

void Engine::stop_accepting() {
    links_.stop_accepting();
}

void Engine::drain() {
    pipeline_.drain();
    ticker_.arm();
}

bool Engine::empty() const {
    return pool_.pending() == 0 && pipeline_.held() == 0;
}

void Engine::close() {
    ticker_.stop();
    if (exit_) exit_->stop();
    links_.close();
}

}  // namespace nightjar::relay

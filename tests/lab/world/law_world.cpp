#include "tests/lab/world/law_world.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "relay/core/delivery.hpp"
#include "sphinx/stream/header.hpp"
#include "tests/lab/world/clear_packet.hpp"

namespace nightjar::lab::world {
namespace {

constexpr base::Mono begin{std::chrono::hours{1}};
constexpr base::Wall wall_begin{std::chrono::seconds{1'800'000'300}};

// Ends of a way other than an exit.
constexpr int at_gateway = -1;
constexpr int at_client = -2;

/// The sum of the delays in a packet's header.
base::Nanoseconds delay_of(const ClearHeader& header) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < header.hops; ++i)
        sum += header.delay_ns[i];
    return base::Nanoseconds{static_cast<std::int64_t>(sum)};
}

/// The session's message in a clear packet.
base::ByteView message_of(const cell::Cell& cell) {
    return cell.body().subspan(packet::header_size + packet::payload_zeros, stream::message_size);
}

bool is_filler(base::ByteView message) {
    return base::SessionId::from(message.first(base::SessionId::size()))->is_zero();
}

}  // namespace

LawWorld::LawWorld(LawOptions options)
    : options_{options},
      random_{options.seed},
      client_random_{options.client_seed},
      moved_random_{options.moved_seed},
      now_{begin},
      mailboxes_{options.parameters, gateway_random_, gateway_counters_} {
    // Each mix is a drawn delay.
    assert(options_.parameters.mixing.law == directory::MixLaw::poisson);
    gateway_ = random_.id<base::NodeId>();
    for (unsigned i = 0; i < options_.exits; ++i) {
        auto exit = std::make_unique<Exit>();
        exit->random = base::SeededRandom{random_.u64()};
        exit->sessions = std::make_unique<relay::core::ExitSessions>(
            options_.parameters, exit->random, exit->counters, relay::core::ExitLimits{},
            reply_sealer(Packets::clear));
        exit->host = std::make_unique<ExitHost>(*exit->sessions, servers);
        exits_.emplace_back(random_.id<base::NodeId>(), std::move(exit));
    }
    make_document();
    mailbox_ = client_random_.id<base::MailboxId>();
    core_ =
        std::make_unique<client::core::Core>(document_, mailbox_, gateway_, client_random_, now_,
                                             client_sealer(Packets::clear, random_.u64()));
    gateway_random_ = base::SeededRandom{random_.u64()};
    connect();
}

LawWorld::~LawWorld() = default;

void LawWorld::connect() {
    linked_ = true;
    mailboxes_.open(mailbox_, now_);
    core_->connected(now_, wall());
    core_->prepare(now_, wall());
}

void LawWorld::disconnect() {
    linked_ = false;
    mailboxes_.close(mailbox_);
    core_->disconnected();
}

void LawWorld::freeze() {
    frozen_ = true;
}

void LawWorld::thaw() {
    frozen_ = false;
    for (const auto& cell : std::exchange(kept_, {}))
        core_->on_delivery(cell, now_);
}

base::Wall LawWorld::wall() const {
    return wall_begin + std::chrono::floor<base::Milliseconds>(now_ - begin);
}

void LawWorld::make_document() {
    auto document = std::make_shared<directory::Document>();
    document->network = "law";
    document->parameters = options_.parameters;
    document->epoch = directory::epoch_at(wall(), options_.parameters.epoch_length);
    const auto add = [&](base::NodeId identity, directory::Role role, std::uint8_t layer,
                         const std::string& policy) {
        directory::Relay relay;
        relay.identity = identity;
        relay.role = role;
        relay.layer = layer;
        relay.exit_policy = policy;
        document->relays.push_back(std::move(relay));
    };
    for (std::uint8_t i = 0; i < 6; ++i) {
        base::NodeId mix;
        mix.bytes.fill(static_cast<std::uint8_t>(i + 1));
        add(mix, directory::Role::mix, static_cast<std::uint8_t>(i / 2 + 1), "");
    }
    add(gateway_, directory::Role::gateway, 0, "");
    for (const auto& exit : exits_)
        add(exit.first, directory::Role::gateway, 0, "accept *:*");
    std::sort(document->relays.begin(), document->relays.end(),
              [](const auto& a, const auto& b) { return a.identity < b.identity; });
    document_ = std::move(document);
}

void LawWorld::travel(cell::CellBox cell, int exit, base::Nanoseconds delay) {
    if (random_.unit() < options_.loss) return;
    // The delay that the last hop draws itself; it is not in the header.
    const auto& law = options_.parameters;
    delay += random_.exponential_capped(law.mean_delay, law.delay_cap());
    on_the_way_.emplace(now_ + delay, Arrival{exit, std::move(cell)});
}

void LawWorld::step_client() {
    if (frozen_) return;
    if (!linked_) {
        core_->prepare(now_, wall());
        return;
    }
    if (document_->epoch < directory::epoch_at(wall(), options_.parameters.epoch_length)) {
        make_document();
        core_->use(document_);
    }
    for (auto& packet : core_->tick(now_)) {
        auto& cell = packet.cell;
        const auto header = read_clear(cell->body());
        const auto message = message_of(*cell);
        mailboxes_.earn(mailbox_);
        if (on_slot) on_slot(now_, *base::SessionId::from(message.first(base::SessionId::size())));
        int to = at_gateway;  // a loop
        for (std::size_t i = 0; i < exits_.size(); ++i)
            if (exits_[i].first.bytes == header.destination.bytes) to = static_cast<int>(i);
        if (on_message && to >= 0 && !is_filler(message)) on_message(message);
        const auto held = meddle ? meddle(true, now_) : base::Nanoseconds{};
        if (held) travel(std::move(cell), to, delay_of(header) + *held);
    }
    core_->prepare(now_, wall());
}

void LawWorld::step_exits() {
    std::vector<relay::core::ExitSessions::Reply> replies;
    for (std::size_t i = 0; i < exits_.size(); ++i) {
        auto& exit = *exits_[i].second;
        if (exit.sessions->next_due() > now_) continue;
        replies.clear();
        exit.sessions->tick(now_, wall(), replies);
        if (exit.silent) continue;
        exit.host->step();
        for (auto& reply : replies) {
            if (on_reply) on_reply(i, now_);
            if (exit_answers) exit_answers(now_, message_of(*reply.cell));
            const auto header = read_clear(reply.cell->body());
            if (on_spent) on_spent(header.identifier);
            travel(std::move(reply.cell), at_gateway, delay_of(header));
        }
    }
}

void LawWorld::arrive(Arrival arrival) {
    if (arrival.exit == at_client) {
        to_core(*arrival.cell);
        return;
    }
    if (arrival.exit == at_gateway) {
        const auto identifier = read_clear(arrival.cell->body()).identifier;
        relay::core::make_delivery(*arrival.cell, identifier);
        mailboxes_.deliver(mailbox_, std::move(arrival.cell));
        return;
    }
    auto& exit = *exits_[static_cast<std::size_t>(arrival.exit)].second;
    if (exit.silent) return;
    const auto message = message_of(*arrival.cell);
    exit.sessions->on_message(message, now_, wall());
    if (is_filler(message)) return;
    if (exit_reads) exit_reads(now_, message);
    exit.host->step();
    stock_max = std::max(stock_max, exit.sessions->stock(stream::decode_up(message)->session));
}

/// A gateway has no packet for a relay here: routes are sampled delays.
relay::core::SendResult LawWorld::to_relay(const base::NodeId&, cell::CellBox) {
    return relay::core::SendResult::no_link;
}

void LawWorld::to_core(const cell::Cell& cell) {
    if (!linked_ || cell.kind() != cell::Kind::packet) return;
    if (!frozen_)
        core_->on_delivery(cell, now_);
    else if (kept_.size() < kernel_keeps)
        kept_.push_back(cell);
}

relay::core::SendResult LawWorld::to_client(const base::MailboxId&, cell::CellBox cell) {
    const bool packet = cell->kind() == cell::Kind::packet;
    auto held = meddle ? meddle(false, now_) : base::Nanoseconds{};
    if (held && packet)
        *held += base::from_seconds(moved_random_.unit() * base::to_seconds(options_.moved));
    if (held && *held > base::Nanoseconds{})
        on_the_way_.emplace(now_ + *held, Arrival{at_client, std::move(cell)});
    else if (held)
        to_core(*cell);
    return relay::core::SendResult::queued;
}

void LawWorld::run_for(base::Nanoseconds duration) {
    const auto end = now_ + duration;
    while (now_ < end) {
        auto next = end;
        if (!frozen_)
            next = std::min(end, linked_ ? core_->next_due() : now_ + base::Milliseconds{100});
        for (const auto& exit : exits_)
            next = std::min(next, exit.second->sessions->next_due());
        next = std::min(next, mailboxes_.next_due());
        if (!on_the_way_.empty()) next = std::min(next, on_the_way_.begin()->first);
        now_ = std::max(now_, next);
        while (!on_the_way_.empty() && on_the_way_.begin()->first <= now_)
            arrive(std::move(on_the_way_.extract(on_the_way_.begin()).mapped()));
        mailboxes_.tick(now_, wall(), *this);
        step_exits();
        if (!linked_ || core_->next_due() <= now_) step_client();
        if (application) application();
    }
}

std::uint64_t LawWorld::ticks() const {
    std::uint64_t sum = 0;
    for (const auto& exit : exits_)
        sum += exit.second->counters.replies + exit.second->counters.ticks_missed;
    return sum;
}

std::uint64_t LawWorld::ticks_missed() const {
    std::uint64_t sum = 0;
    for (const auto& exit : exits_)
        sum += exit.second->counters.ticks_missed;
    return sum;
}

}  // namespace nightjar::lab::world

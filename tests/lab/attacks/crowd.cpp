#include "tests/lab/attacks/crowd.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "sphinx/base/codec.hpp"
#include "sphinx/stream/header.hpp"
#include "tests/lab/attacks/on_demand.hpp"
#include "tests/lab/attacks/transfer.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/named_servers.hpp"
#include "tests/lab/world/relay_node.hpp"

namespace nightjar::lab::attacks {
namespace {

/// Ids are random here, so any word of an id is a good hash.
struct AnyWord {
    template <class Id>
    std::size_t operator()(const Id& id) const {
        std::size_t word = 0;
        std::memcpy(&word, id.bytes.data(), sizeof word);
        return word;
    }
};

/// The message of a clear packet that carries one.
base::ByteView message_in(const lab::world::OnWire& cell) {
    return base::ByteView{cell.cell.body()}.subspan(packet::header_size + packet::payload_zeros,
                                                    stream::message_size);
}

/// The number of packets at a relay in the window if a third of all packets pass it. A larger
/// replay filter than needed would not fit into the processor's caches.
std::uint64_t replay_packets(const CrowdOptions& options) {
    const auto& law = options.network.parameters;
    const auto cells =
        (law.main_slots.per_second() + law.client_loops.per_second() + law.replies.per_second()) *
        options.clients;
    constexpr double loops = 200;
    // A filter lasts for one epoch.
    const auto lasts = 2 * base::to_seconds(law.epoch_length);
    return static_cast<std::uint64_t>((cells + loops) * (std::min(options.seconds, lasts) + 10));
}

/// Filters of several epochs, each as large as its tags need, would not fit into the memory.
bool is_long(const CrowdOptions& options) {
    return options.seconds >= 2 * base::to_seconds(options.network.parameters.epoch_length);
}

}  // namespace

CrowdOptions::CrowdOptions() {
    network.packets = lab::world::Packets::clear;
    handover_after(base::Seconds{19}, base::Seconds{600});
}

void CrowdOptions::handover_after(base::Seconds connecting, base::Seconds lifetime) {
    network.parameters.session_lifetime = lifetime;
    const auto usual = std::chrono::floor<base::Seconds>(lab::world::WorldOptions{}.start);
    const auto handover = (usual.time_since_epoch() + connecting) / lifetime + 1;
    network.start = base::Wall{handover * lifetime - connecting};
}

struct Crowd::Impl {
    explicit Impl(CrowdOptions with);

    void add_servers();
    void add_client(unsigned number);
    lab::world::ClientLife draw_life(Trace& trace);
    void see(const lab::world::OnWire& cell);
    void see_client_link(const lab::world::OnWire& cell, float at);
    void see_packet(const lab::world::OnWire& cell, float at);
    float now() const { return seconds(world.now()); }
    float seconds(base::Mono at) const {
        return static_cast<float>(base::to_seconds(at - lab::world::World::begin));
    }
    bool is_relay(std::size_t node) const { return node < relays; }
    unsigned exit_of(const lab::world::ClearHeader& header) const {
        const auto exit = base::NodeId::from(header.destination.bytes);
        return static_cast<unsigned>(world.number_of(*exit) - first_gateway);
    }
    unsigned middle_of(const lab::world::ClearHeader& header) const {
        const auto mixes = options.network.mixes_per_layer;
        return static_cast<unsigned>(world.number_of(header.address[2]) - mixes);
    }
    bool is_gateway(std::size_t node) const { return node < relays && node >= first_gateway; }
    void note_surbs(base::ByteView message);
    void see_reply(const lab::world::ClearHeader& header, unsigned client, unsigned exit, float at);

    struct KnownSession {
        unsigned client = 0;
        unsigned number = 0;  // in the order of first packets
    };

    CrowdOptions options;
    lab::world::World world;
    std::size_t relays;
    std::size_t first_gateway;
    std::unique_ptr<base::Random> random;
    std::vector<Trace> traces;
    std::vector<std::unique_ptr<Transfer>> transfers;  // nullptr: idle
    std::vector<Times> into_exit;
    std::vector<Times> out_of_exit;
    std::unordered_map<base::SessionId, KnownSession, AnyWord> sessions;
    std::unordered_map<base::SurbId, base::SessionId, AnyWord> surbs;    // at exits, unspent
    std::unordered_map<base::Destination, unsigned, AnyWord> mailboxes;  // each mailbox's client
};

Crowd::Impl::Impl(CrowdOptions with)
    : options{std::move(with)},
      world{[this] {
          options.network.seed = options.seed;
          options.network.replay_packets = replay_packets(options);
          options.network.replay_grows = is_long(options);
          // Clients that do not keep the law get their downlinks all the same.
          if (options.defence != Defence::law) options.network.pipeline.downlink_unpaid = 1e9;
          return options.network;
      }()},
      relays{world.relays().size()},
      first_gateway{std::size_t{options.network.layers} * options.network.mixes_per_layer},
      random{world.fork_random()},
      into_exit(options.network.gateways),
      out_of_exit(options.network.gateways) {
    if (options.exits_off > 0)
        for (std::size_t i = first_gateway; i < relays; ++i)
            world.relays()[i]->clock_offset = base::Milliseconds{
                std::llround(1000 * options.exits_off * (2 * random->unit() - 1))};
    add_servers();
    traces.resize(options.clients);
    for (unsigned i = 0; i < options.clients; ++i)
        add_client(i);
    world.wire = [this](lab::world::OnWire& cell) {
        if (options.tamper) options.tamper(cell);
        see(cell);
    };
}

void Crowd::Impl::add_servers() {
    const auto into = [this](Times Trace::*times) {
        return [this, times](std::uint64_t name) {
            if (name < traces.size() && now() >= options.records_from)
                (traces[name].*times).push_back(now());
        };
    };
    world.servers.add(files_host, target_port, lab::world::blob_server);
    if (options.kept_open)
        world.servers.add(files_host, target_port,
                          [told = into(&Trace::taken)] { return lab::world::named_source(told); });
    world.servers.add(sink_host, target_port,
                      [told = into(&Trace::written)] { return lab::world::named_sink(told); });
}

/// Draws nothing if no option asks for it: then networks stay as they are.
lab::world::ClientLife Crowd::Impl::draw_life(Trace& trace) {
    using lab::world::World;
    lab::world::ClientLife life;
    trace.leaves = 2 * options.seconds;
    if (options.connects_within > 0) {
        const bool first = options.first_share > 0 && random->unit() < options.first_share;
        trace.connects = (first ? 30 : options.connects_within) * random->unit();
    }
    if (options.stays > 0)
        trace.leaves = trace.connects +
                       base::to_seconds(random->exponential(base::from_seconds(options.stays)));
    if (options.clock_off > 0)
        life.clock_offset = base::Milliseconds{
            static_cast<std::int64_t>(1000 * options.clock_off * (2 * random->unit() - 1))};
    life.clock_synchronised = options.clocks_synchronised;
    if (options.clock_ppm > 0) life.clock_ppm = options.clock_ppm * (2 * random->unit() - 1);
    if (options.connects_within > 0)
        life.connects = World::begin + base::from_seconds(trace.connects);
    if (options.stays > 0) life.leaves = World::begin + base::from_seconds(trace.leaves);
    return life;
}

void Crowd::Impl::add_client(unsigned number) {
    auto& trace = traces[number];
    trace.busy = random->unit() < options.busy_share;
    trace.gateway = number % options.network.gateways;
    const auto begins =
        lab::world::World::begin + base::from_seconds(options.begins_within * random->unit());
    const auto mailbox = random->id<base::MailboxId>();
    mailboxes[*base::Destination::from(mailbox.bytes)] = number;
    const auto gateway = world.gateway(trace.gateway).identity();
    const bool one_of_two = trace.busy && options.work == Work::either;
    const auto work = !one_of_two            ? options.work
                      : random->unit() < 0.5 ? Work::download
                                             : Work::upload;
    if (options.defence != Defence::law) {
        auto& node = world.add<OnDemandClient>(mailbox, mailbox, gateway);
        if (options.defence == Defence::poisson)
            node.use(Work::download, std::size_t{1} << 40, lab::world::World::begin);
        else if (trace.busy)
            node.use(work, options.bytes, begins, options.on_demand_rate);
        transfers.emplace_back();
        return;
    }
    auto& node = world.add<lab::world::ClientNode>(mailbox, mailbox, gateway, draw_life(trace));
    if (trace.busy) {
        const bool endless = options.kept_open && work == Work::download;
        transfers.push_back(
            std::make_unique<Transfer>(work, endless ? number : options.bytes, begins, number));
        transfers.back()->isolate(options.isolation_keys);
        node.application = [transfer = transfers.back().get()](client::core::Core& core,
                                                               base::Mono now) {
            transfer->step(core, now);
        };
    } else {
        transfers.emplace_back();
    }
}

void Crowd::Impl::see(const lab::world::OnWire& cell) {
    const auto at = seconds(cell.sent);
    if (options.seen) options.seen(cell);
    if (!is_relay(cell.from_number) || !is_relay(cell.to_number)) return see_client_link(cell, at);
    see_packet(cell, at);
}

void Crowd::Impl::see_client_link(const lab::world::OnWire& cell, float at) {
    const bool up = !is_relay(cell.from_number);
    const auto number = (up ? cell.from_number : cell.to_number) - relays;
    auto& trace = traces[number];
    const bool recorded = at >= static_cast<float>(options.records_from);
    if (up) {
        if (recorded && options.on_slot) options.on_slot(static_cast<unsigned>(number), at);
        const auto header = lab::world::read_clear(cell.cell.body());
        const bool loop = !header.identifier.is_zero();
        if (!loop) {
            // The session id, by which the bad exit knows the session: the first bytes of a
            // message.
            const auto message = message_in(cell);
            const auto session = *base::SessionId::from(message.first(base::SessionId::size()));
            // A filler has no session, so no exit knows whose it is.
            if (!session.is_zero())
                sessions.try_emplace(session, KnownSession{static_cast<unsigned>(number),
                                                           static_cast<unsigned>(sessions.size())});
            if (recorded && options.on_sent && !session.is_zero())
                options.on_sent({static_cast<unsigned>(number), exit_of(header), middle_of(header),
                                 at, message});
        }
        // The gateway unwraps a layer and so knows the next hop. The arrival time says more than
        // the departure time, because a delay lies between them.
        if (recorded && options.traces)
            trace.to_mix.push_back(
                {at, static_cast<std::uint32_t>(world.number_of(header.address[1])), loop});
    }
    if (!recorded || !options.traces) return;
    (up ? trace.up : trace.down).push_back(at);
    if (!up && cell.cell.kind() == cell::Kind::packet) trace.handed_on.push_back(at);
}

/// A packet that reaches its exit: which session will its SURBs answer?
void Crowd::Impl::note_surbs(base::ByteView message) {
    const auto header = stream::decode_up(message);
    if (!header) return;
    for (std::size_t i = 0; i < header->surb_count; ++i)
        surbs.insert_or_assign(
            lab::world::read_clear(stream::surb_of(*header, message, i)).identifier,
            header->session);
}

void Crowd::Impl::see_reply(const lab::world::ClearHeader& header, unsigned client, unsigned exit,
                            float at) {
    const auto surb = surbs.find(header.identifier);
    if (surb == surbs.end()) throw std::logic_error("an exit replied by a SURB that it never got");
    const auto session = surb->second;
    surbs.erase(surb);
    if (at < static_cast<float>(options.records_from)) return;
    if (options.traces) traces[client].replied.push_back({at, exit, sessions.at(session).number});
    if (options.on_reply) options.on_reply({client, exit, session, at});
}

/// Between relays: records what gateways and exits know about the packet, from its clear header.
void Crowd::Impl::see_packet(const lab::world::OnWire& cell, float at) {
    const bool recorded = at >= static_cast<float>(options.records_from);
    if (!options.traces && !options.on_exit && !options.on_reply && !options.on_delivery) return;
    // No gateway or exit sees a packet between two mixes.
    if (!is_gateway(cell.from_number) && !is_gateway(cell.to_number)) return;
    const auto header = lab::world::read_clear(cell.cell.body());
    const bool loop = header.hops == packet::max_hops && !header.identifier.is_zero();
    if (is_gateway(cell.from_number)) {
        const auto exit = static_cast<unsigned>(cell.from_number - first_gateway);
        if (recorded && options.traces) out_of_exit[exit].push_back(at);
        const auto answered = mailboxes.find(header.destination);
        if (header.at == 0 && answered != mailboxes.end())
            see_reply(header, answered->second, exit, at);
    }
    if (!is_gateway(cell.to_number)) return;
    if (recorded && options.traces) into_exit[cell.to_number - first_gateway].push_back(at);
    const auto mailbox = mailboxes.find(header.destination);
    if (mailbox != mailboxes.end()) {
        if (!recorded) return;
        if (options.traces)
            traces[mailbox->second].delivered.push_back(
                {at, static_cast<std::uint32_t>(cell.from_number), loop});
        if (options.on_delivery) options.on_delivery(mailbox->second, at);
        return;
    }
    if (!header.identifier.is_zero()) return;  // a relay's own loop
    const auto message = message_in(cell);
    const auto session =
        sessions.find(*base::SessionId::from(message.first(base::SessionId::size())));
    if (session == sessions.end()) return;
    note_surbs(message);
    if (!recorded) return;
    const auto exit = static_cast<unsigned>(cell.to_number - first_gateway);
    const auto& [client, number] = session->second;
    if (options.traces) traces[client].at_exit.push_back({at, exit, number});
    if (options.on_exit) options.on_exit({client, exit, 0, at, message});
}

Crowd::Crowd(CrowdOptions options) : impl_{std::make_unique<Impl>(std::move(options))} {}
Crowd::~Crowd() = default;

void Crowd::run() {
    impl_->world.run_for(base::from_seconds(impl_->options.seconds));
    for (std::size_t i = 0; i < impl_->traces.size(); ++i) {
        if (!impl_->transfers[i]) continue;
        impl_->traces[i].finished = impl_->transfers[i]->finished();
        impl_->traces[i].moved = impl_->transfers[i]->moved();
    }
}

const std::vector<Trace>& Crowd::traces() const {
    return impl_->traces;
}
const std::vector<Times>& Crowd::into_exit() const {
    return impl_->into_exit;
}
const std::vector<Times>& Crowd::out_of_exit() const {
    return impl_->out_of_exit;
}
std::uint64_t Crowd::hops() const {
    return impl_->world.hops();
}

}  // namespace nightjar::lab::attacks

// A relay among hostile neighbours and clients: packets of every kind, good ones again and changed
// ones, links that come and go, documents and epochs that change, clocks that step, own loops that
// come back, changed or twice. Every packet is accounted for, none leaves twice, early or late, and
// every table keeps its bound.
#include "relay/core/pipeline.hpp"

#include <set>
#include <string_view>

#include "tests/fuzz/depth.hpp"
#include "tests/fuzz/relay/hostile_packets.hpp"
#include "tests/support/owned_filter.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace std::chrono_literals;
using fuzz::Ask;
using relay::core::DropReason;
using relay::core::SendResult;

namespace {

fuzz::Depth forwarded{"a packet that left for the next relay"};
fuzz::Depth delivered{"a packet for a client"};
fuzz::Depth to_exit{"a message for the exit"};
fuzz::Depth replied{"a reply of the exit"};
fuzz::Depth reasons[] = {fuzz::Depth{"a packet dropped as malformed"},
                         fuzz::Depth{"a packet dropped as replayed"},
                         fuzz::Depth{"a packet dropped as misrouted"},
                         fuzz::Depth{"a packet dropped for its delay"},
                         fuzz::Depth{"a packet dropped for want of room"},
                         fuzz::Depth{"a packet that was not admitted"},
                         fuzz::Depth{"a packet without a link"}};
fuzz::Depth returned{"an own loop that returned"};
fuzz::Depth modified{"an own loop that was changed"};
fuzz::Depth room_short{"a replay filter without room to spare"};
fuzz::Depth worked{"a packet that a worker had meanwhile"};
fuzz::Depth key_gone{"a packet whose key ended while a worker had it"};
fuzz::Depth former{"packets of a former document's law"};
fuzz::Depth not_listed{"a document without this relay"};
fuzz::Depth overdue{"packets dropped after a suspend"};
fuzz::Depth drained{"a relay that drains"};

fuzz::HostilePackets& packets() {
    static fuzz::HostilePackets one;
    return one;
}

constexpr base::Nanoseconds half_tick = 500us;
constexpr std::size_t mix_capacity = 24;
constexpr std::size_t documents = 8;

/// Replies that name any relay, and have a body that no other packet has.
struct AnySealer final : relay::core::ReplySealer {
    std::optional<base::NodeId> seal(base::ByteView surb, base::ByteView,
                                     base::ByteSpan packet) override {
        if (surb[0] % 7 == 6) return std::nullopt;
        base::Writer{packet}.u64(++count);
        const auto& relays = packets().document().relays;
        return relays[surb[0] % relays.size()].identity;
    }
    std::uint64_t count = 0;
};

relay::core::ExitLimits exit_limits() {
    relay::core::ExitLimits limits;
    limits.sessions_max = 2;
    limits.surbs_max = 20;
    return limits;
}

relay::core::PipelineOptions options(bool room) {
    relay::core::PipelineOptions options;
    options.mix_capacity = mix_capacity;
    if (room) options.replay_room = {2, 20s};
    return options;
}

/// Documents that follow each other: other laws, other rates, without a relay.
std::shared_ptr<const directory::Document> document(std::size_t number, const base::NodeId& self) {
    auto made = std::make_shared<directory::Document>(packets().document());
    auto& law = made->parameters;
    law.lab = true;
    law.relay_loops = {number == 0 ? 20'000U : 60'000U};
    const auto leave_out = [&](auto which) { std::erase_if(made->relays, which); };
    if (number == 1) leave_out([&](const auto& relay) { return relay.identity == self; });
    if (number == 2) leave_out([&](const auto& relay) { return relay.name.ends_with('0'); });
    if (number == 3) law.mixing = {directory::MixLaw::timed_pool, 20ms, 2, 0};
    if (number == 4) law.mixing = {directory::MixLaw::threshold, {}, 0, 6};
    if (number == 5) law.down = {120'000}, law.main_slots = {100'000}, law.relay_loops = {0};
    if (number == 6) {
        made->epoch = made->epoch.next();
        for (auto& relay : made->relays)
            relay.mix_key = relay.next_mix_key;
    }
    if (number == 7) law.mean_delay = 5ms;
    return made;
}

struct Relay final : relay::core::Egress {
    Relay(const directory::Relay& at, bool is_exit, bool room)
        : self{at},
          sessions{packets().document().parameters, random, exit_counters, exit_limits(),
                   std::make_unique<AnySealer>()},
          pipeline{self.identity, used,     keyring, is_exit ? &sessions : nullptr,
                   random,        counters, now,     options(room)} {
        for (const auto epoch : {used->epoch, used->epoch.next()})
            keyring.add(packets().key(self, epoch), std::make_unique<test::OwnedFilter>(500));
        room_per_second = room ? 2 : 0;
    }

    SendResult to_relay(const base::NodeId& next, cell::CellBox cell) override {
        const auto answer = answer_of(next);
        const base::Bytes body(cell->body().begin(), cell->body().end());
        leaves(body);
        if (answer == SendResult::queued) {
            require(bodies.insert(body).second);  // no packet twice
            last_left = {next, body};
            last_epoch = cell->epoch();
        }
        return answer;
    }
    SendResult to_client(const base::MailboxId& client, cell::CellBox cell) override {
        require(connected.contains(client));
        const auto answer = answer_of({client.bytes});
        if (cell->kind() == cell::Kind::packet && answer != SendResult::queued) ++mailbox_lost;
        // One slot each gap, of those that are not too late.
        auto& sent = ++down[client];
        const auto up = base::to_seconds(now - connected.at(client) + 260ms);
        require(static_cast<double>(sent) <= 2 + 120 * up);
        return answer;
    }
    SendResult answer_of(const base::NodeId& next) const {
        const auto bit = 1U << (next.bytes[0] % 8U);
        if ((no_link & bit) != 0) return SendResult::no_link;
        return (full & bit) != 0 ? SendResult::queue_full : SendResult::queued;
    }

    /// What is known of a packet that was taken and may leave.
    struct Taken {
        base::Mono earliest;
        std::optional<base::Mono> latest;
    };
    void leaves(const base::Bytes& body) {
        if (!known.contains(body)) return;  // a loop, a reply or cover
        const auto found = taken.find(body);
        require(found != taken.end());  // it was dropped, or has left before
        require(now + slept >= found->second.earliest);
        if (found->second.latest) require(now + slept <= *found->second.latest);
        taken.erase(found);
        forwarded.reach();
    }

    std::uint64_t dropped() const {
        std::uint64_t sum = 0;
        for (const auto count : counters.dropped)
            sum += count;
        return sum;
    }
    std::uint64_t dropped(DropReason reason) const {
        return counters.dropped[static_cast<std::size_t>(reason)];
    }

    void accept(const relay::core::Origin& from, const fuzz::MadePacket& made, bool changed,
                bool later) {
        auto cell = cell::Cell::boxed_packet(made.epoch);
        std::copy(made.body.begin(), made.body.end(), cell->body().begin());
        if (changed) cell->body()[made.body.size() / 7] ^= 1;
        auto accepted = pipeline.accept(from, std::move(cell), now, wall());
        if (accepted) working.push_back({std::move(*accepted), changed ? nullptr : &made, slept});
        if (later && !working.empty()) return worked.reach();
        finish_work();
    }
    void finish_work() {
        for (auto& [work, made, slept_before] : working) {
            if (!keyring.filter(work.key->epoch)) key_gone.reach();
            const auto held = pipeline.held();
            const auto lost = dropped();
            const auto overflows = dropped(DropReason::overflow);
            const bool client = work.from_client;
            const auto arrived = work.arrived + slept_before;
            std::vector<relay::core::Work> batch;
            batch.push_back(std::move(work));
            relay::core::unwrap(batch);
            pipeline.unwrapped(batch);
            require(pipeline.held() - held + dropped() - lost <= 1);
            if (!made || !made->forward) continue;
            known.insert(made->forwarded);
            // In a full mix a packet is lost, this one or another.
            if (pipeline.held() > held || dropped(DropReason::overflow) > overflows)
                note(*made, arrived, client);
        }
        working.clear();
    }
    void note(const fuzz::MadePacket& made, base::Mono arrived, bool client) {
        Taken one{arrived, {}};
        if (used->parameters.mixing.law == directory::MixLaw::poisson && !client &&
            !pipeline.answers()) {
            const base::Nanoseconds delay{static_cast<std::int64_t>(made.forward->delay_ns)};
            one.earliest = arrived + delay - half_tick;
            one.latest = arrived + delay + 250ms;
        }
        require(taken.emplace(made.forwarded, one).second);
    }

    void tick() {
        const auto replies = exit_counters.replies;
        const auto late = dropped(DropReason::delay);
        pipeline.tick(now, wall(), *this);
        pipeline.build_ahead(now, wall());
        if (exit_counters.replies > replies) replied.reach();
        if (slept > 0s && dropped(DropReason::delay) > late) overdue.reach();
        require(pipeline.next_due() > now - 1ms);
        if (pipeline.held() == 0) laws = 1;
    }

    void use(std::size_t number) {
        const auto law = used->parameters.mixing;
        used = document(number, self.identity);
        kept.push_back(used);  // a held packet may still name its relays
        pipeline.use(used);
        if (!(law == used->parameters.mixing)) ++laws;
        if (laws > 1 && pipeline.held() > 0) former.reach();
        if (!used->find(self.identity)) not_listed.reach();
    }

    void check() {
        const auto in =
            counters.packets_in + counters.loops_sent + counters.drop_cover + exit_counters.replies;
        const auto out = dropped() - mailbox_lost + counters.packets_out + counters.deliveries +
                         counters.exit_payloads + counters.loops_returned +
                         counters.loops_modified + pipeline.held() + working.size();
        require(in >= out && in - out <= nowhere_given);
        require(pipeline.held() <= laws * mix_capacity);
        for (const auto epoch : keyring.epochs())
            if (const auto* filter = keyring.filter(epoch); room_per_second > 0)
                require(static_cast<double>(filter->tags()) <=
                        20 * room_per_second + room_per_second * base::to_seconds(now - start) + 1);
        base::Holdings held;
        pipeline.list_holdings(held);
        for (const auto& one : held)
            check(one);
        if (pipeline.replay_room_short(now)) room_short.reach();
        for (std::size_t i = 0; i < std::size(reasons); ++i)
            if (counters.dropped[i] > 0) reasons[i].reach();
        if (counters.deliveries > 0) delivered.reach();
        if (counters.exit_payloads > 0) to_exit.reach();
        if (counters.loops_returned > 0) returned.reach();
        if (counters.loops_modified > 0) modified.reach();
    }
    void check(const base::Holding& one) const {
        const auto most = [&](std::string_view table, std::size_t entries) {
            require(one.table != table || one.entries <= entries);
        };
        most("Pipeline.released", 0);
        most("Mailboxes.queue", connected.size() * relay::core::Mailboxes::queue_max);
        most("Mailboxes.mailboxes", connected.size());
        most("Ingress.clients", connected.size());
        most("Ingress.room", packets().document().relays.size() + 1);
        most("Cover.outstanding", relay::core::Cover::outstanding_max);
        most("Cover.ahead", relay::core::Cover::built_ahead + relay::core::Cover::built_together);
    }

    base::Wall wall() const {
        const auto since = std::chrono::floor<base::Milliseconds>(now + slept - start);
        return packets().network().wall + since + wall_ahead;
    }

    static constexpr base::Mono start{1h};
    const directory::Relay& self;
    std::shared_ptr<const directory::Document> used = document(0, self.identity);
    std::vector<std::shared_ptr<const directory::Document>> kept{used};
    base::Mono now = start;
    base::Nanoseconds slept{};
    base::Milliseconds wall_ahead{};
    base::SeededRandom random{1};
    relay::core::Counters counters;
    relay::core::Counters exit_counters;
    relay::core::Keyring keyring{used->parameters.epoch_length, used->parameters.key_grace()};
    relay::core::ExitSessions sessions;
    relay::core::Pipeline pipeline;

    unsigned no_link = 0;  // bits of the first bytes of neighbours and clients
    unsigned full = 0;
    std::size_t laws = 1;  // whose packets may be held
    double room_per_second = 0;
    std::map<base::MailboxId, base::Mono> connected;
    std::map<base::MailboxId, std::uint64_t> down;
    std::uint64_t mailbox_lost = 0;
    std::uint64_t nowhere_given = 0;
    struct Working {
        relay::core::Work work;
        const fuzz::MadePacket* made;
        base::Nanoseconds slept;
    };
    std::vector<Working> working;
    std::set<base::Bytes> bodies;
    std::set<base::Bytes> known;
    std::map<base::Bytes, Taken> taken;
    std::pair<base::NodeId, base::Bytes> last_left;
    std::uint8_t last_epoch = 0;
};

/// A packet from a neighbour or a client.
void send(Relay& relay, std::uint8_t ask, std::uint8_t copy, std::uint8_t how) {
    const auto which = static_cast<Ask>(ask % static_cast<std::uint8_t>(Ask::count));
    const auto& made =
        packets().make(relay.self, which, copy % fuzz::HostilePackets::copies, (how & 0x10U) != 0);
    if (which == Ask::drop_cover) ++relay.nowhere_given;
    relay::core::Origin from;
    if ((how & 0x20U) != 0) {
        from.client = packets().client(copy % 4);
    } else {
        std::vector<const directory::Relay*> others;
        for (const auto& other : relay.used->relays)
            if (other.layer == (relay.self.layer + 3U) % 4 || (how & 0x40U) != 0)
                others.push_back(&other);
        if (others.empty()) return;
        from.relay = others[how % 4 % others.size()];
    }
    relay.accept(from, made, (how & 0x80U) != 0, (how & 0x08U) != 0);
}

/// The last packet that left comes back, if it was an own loop.
void bring_back(Relay& relay, std::uint8_t how) {
    if (relay.last_left.second.empty() || how % 8 == 7) return;
    const auto back = packets().carry_back(relay.self.identity, relay.last_left.first,
                                           relay.last_left.second, relay.last_epoch);
    if (!back) return;
    static fuzz::MadePacket made;
    made = {back->body, {}, {}, relay.last_epoch};
    if (how % 2 == 1) made.body.back() ^= 1;  // a tagged payload
    ++relay.nowhere_given;                    // it may have been drop cover
    if (const auto* from = relay.used->find(back->from))
        relay.accept({from, {}}, made, false, false);
}

void link_changes(Relay& relay, std::uint8_t what, std::uint8_t number) {
    const auto client = packets().client(number % 3);
    if (what % 4 == 0) {
        if (relay.connected.try_emplace(client, relay.now).second) relay.down[client] = 0;
        relay.pipeline.client_connected(
            client, {false, {192, 0, 2, static_cast<std::uint8_t>(number % 3)}}, relay.now);
    } else if (what % 4 == 1) {
        relay.pipeline.client_gone(client, relay.now);
        relay.connected.erase(client);
    } else if (what % 4 == 2) {
        relay.no_link = number;
    } else {
        relay.full = number;
    }
}

void clock_changes(Relay& relay, std::uint8_t what, std::uint8_t by) {
    if (what % 3 == 0) {
        const base::Nanoseconds gap = by * 250ms;
        relay.pipeline.slept(gap);
        relay.slept += gap;
    } else if (what % 3 == 1) {
        relay.wall_ahead = base::Seconds{30 * (by - 128)};
    } else {
        relay.keyring.forget(relay.wall());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    base::Reader reader{{data, size}};
    const auto& relays = packets().document().relays;
    const auto first = reader.u8();
    Relay relay{relays[first % relays.size()], (first & 0x40U) != 0, (first & 0x80U) != 0};
    bool draining = false;
    while (reader.remaining() > 3) {
        const auto what = reader.u8();
        const auto a = reader.u8();
        const auto b = reader.u8();
        const auto c = reader.u8();
        const auto in = relay.counters.packets_in;
        switch (what % 8U) {
            case 0:
                relay.now += base::Milliseconds{a} + base::Nanoseconds{b * 1'000};
                relay.tick();
                break;
            case 1:
                link_changes(relay, a, b);
                break;
            case 2:
                relay.finish_work();
                relay.use(a % documents);
                break;
            case 3:
                clock_changes(relay, a, b);
                break;
            case 4:
                bring_back(relay, a);
                break;
            case 5:
                relay.finish_work();
                if (a < 250) break;
                relay.pipeline.drain();
                draining = true;
                drained.reach();
                break;
            default:
                send(relay, a, b, c);
                break;
        }
        if (draining) require(relay.counters.packets_in == in);
        relay.check();
    }
    return 0;
}

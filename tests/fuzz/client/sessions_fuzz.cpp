// A client whose exits and gateway are hostile: replies with any number, acks, SURB and frames,
// streams that end in every way, handovers, links and documents that change. Its cells leave at
// the times of a twin that hears nothing, each keeps the format, and nothing is acknowledged that
// did not come.
#include <algorithm>

#include "tests/fuzz/client/hostile_exit.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace std::chrono_literals;
using client::core::Core;
using client::core::CoreStatus;
using client::core::StreamRef;
using stream::Event;
using stream::FrameType;

namespace {

fuzz::Depth ready{"a session that was answered"};
fuzz::Depth two_sessions{"two sessions at once"};
fuzz::Depth accepted{"an accepted stream"};
fuzz::Depth readable{"bytes for an application"};
fuzz::Depth finished{"a stream that ended in order"};
fuzz::Depth was_reset{"a stream that was reset"};
fuzz::Depth stopped{"a stream whose peer reads no more"};
fuzz::Depth written{"bytes of an application after an accept"};
fuzz::Depth waiting{"a stream that waits"};
fuzz::Depth ponged{"the answer to a ping"};
fuzz::Depth handed_over{"a session that carries another one's streams"};
fuzz::Depth may_not{"a session that may not"};
fuzz::Depth forgotten{"an exit that has forgotten the session"};
fuzz::Depth unknown{"a delivery of no SURB"};
fuzz::Depth acknowledged{"an acknowledged reply"};
fuzz::Depth loop_back{"a loop that returned"};
fuzz::Depth loop_lost{"a loop that was lost or changed"};
fuzz::Depth away{"a link that came back"};
fuzz::Depth long_away{"a link that was away for too long"};

client_test::Network& network() {
    static client_test::Network one = [] {
        client_test::Network made{2, 4};
        made.document->parameters.session_lifetime = 120s;
        made.document->parameters.session_grid = 1s;
        return made;
    }();
    return one;
}

/// One client, with its randomness.
struct Client {
    base::SeededRandom random{3};
    Core core{network().document,
              self(),
              network().gateway_ids[0],
              random,
              network().now,
              std::make_unique<fuzz::CheckingSealer>()};

    static base::MailboxId self() {
        base::MailboxId id;
        id.bytes.fill(7);
        return id;
    }
};

/// A client, and a twin that hears nothing and carries nothing.
struct World {
    Client client;
    Client twin;
    Core& core = client.core;
    fuzz::HostileExits exits;
    base::Mono now = network().now;
    base::Milliseconds wall_ahead{};
    bool connected = false;
    std::optional<base::Mono> gone;
    std::deque<base::SurbId> loops;
    std::vector<StreamRef> streams;
    std::set<StreamRef> ended;
    std::size_t pings = 0;
    std::size_t pongs = 0;

    base::Wall wall() const {
        const auto since = std::chrono::floor<base::Milliseconds>(now - network().now);
        return network().wall + since + wall_ahead;
    }

    void connect() {
        if (connected) return;
        if (gone) (now - *gone > 120s ? long_away : away).reach();
        core.connected(now, wall());
        twin.core.connected(now, wall());
        connected = true;
        prepare();
    }
    void disconnect() {
        if (!connected) return;
        core.disconnected();
        twin.core.disconnected();
        connected = false;
        gone = now;
    }
    void prepare() {
        core.prepare(now, wall());
        twin.core.prepare(now, wall());
        require(core.next_due() == twin.core.next_due());
        require(!connected || core.next_due() > now);
    }
    void run(base::Nanoseconds duration) {
        for (const auto end = now + duration; now < end;) {
            const auto next = connected ? core.next_due() : base::Mono::max();
            now = std::min({end, next, now + 1s});
            step();
        }
    }
    void step() {
        const auto cells = core.tick(now);
        const auto same = twin.core.tick(now);
        require(cells.size() == same.size());
        for (std::size_t i = 0; i < cells.size(); ++i) {
            require(cells[i].due == same[i].due && cells[i].cell && same[i].cell);
            exits.take(*cells[i].cell);
            if (cells[i].session == client::core::loops_handle && !cells[i].awaited.empty())
                loops.push_back(cells[i].awaited.front());
        }
        prepare();
        events();
    }

    void events() {
        for (const auto& [ref, event] : core.take_events()) {
            require(std::ranges::find(streams, ref) != streams.end());
            require(!ended.contains(ref));
            if (event.kind == Event::Kind::accepted) accepted.reach();
            if (event.kind == Event::Kind::finished) finished.reach();
            if (event.kind == Event::Kind::stopped) stopped.reach();
            if (event.kind != Event::Kind::reset) continue;
            was_reset.reach();
            ended.insert(ref);
        }
        for (const auto& pong : core.take_pings()) {
            require(++pongs <= pings);
            require(pong.round_trip >= 0s);
            ponged.reach();
        }
    }

    void check() {
        const auto status = core.status(now, 4);
        const auto same = twin.core.status(now);
        require(status.slots + status.loops_sent == same.slots + same.loops_sent);
        require(status.slots_lost == same.slots_lost);
        require(status.waiting <= 512 && status.sessions.size() <= 16);
        std::size_t open = 0;
        for (const auto& session : status.sessions) {
            open += session.streams;
            if (session.ready) ready.reach();
        }
        require(open <= 1024);
        if (status.sessions.size() > 1) two_sessions.reach();
        if (status.waiting > 0) waiting.reach();
        if (status.deliveries_unknown > 0) unknown.reach();
        if (exits.acknowledges()) acknowledged.reach();
        if (status.loops_returned > 0) loop_back.reach();
        if (status.loops_lost > 0) loop_lost.reach();
        for (const auto ref : streams) {
            const auto limits = stream::MuxLimits{};
            require(core.readable(ref) <= limits.session_window);
            require(core.writable(ref) <= limits.session_window);
        }
    }
};

/// Frames that an input chooses, in `room`. Each takes four bytes of it.
void choose_frames(World& world, fuzz::HostileSession& session, base::ByteView chosen,
                   base::ByteSpan room) {
    base::Writer writer{room};
    base::Reader reader{chosen};
    const base::ByteArray<900> bytes{};
    while (reader.remaining() >= 4) {
        stream::Frame frame;
        frame.type = static_cast<FrameType>(reader.u8() % 14);
        const auto which = reader.u8();
        frame.stream = which;
        if (which >= 0x80 && !session.opened.empty())
            frame.stream = *std::next(session.opened.begin(),
                                      static_cast<std::ptrdiff_t>(which % session.opened.size()));
        frame.value = std::uint64_t{reader.u8()} << (which & 0x1fU);
        const auto more = reader.u8();
        frame.reason = static_cast<stream::ResetReason>(1 + more % 9);
        if (frame.type == FrameType::data) frame.bytes = base::ByteView{bytes}.first(more * 3U);
        if (frame.type == FrameType::joined) {
            frame.value = more & 1U;
            if (session.asks_to_join) ((more & 1U) != 0 ? handed_over : may_not).reach();
        }
        if (frame.type == FrameType::pong && !world.exits.pings().empty()) {
            frame.value = world.exits.pings().front();
            world.exits.pings().pop_front();
        }
        const bool may = frame.type == FrameType::pong || frame.type == FrameType::accept ||
                         frame.type == FrameType::data || frame.type == FrameType::fin ||
                         frame.type == FrameType::reset || frame.type == FrameType::window ||
                         frame.type == FrameType::stop || frame.type == FrameType::joined;
        const bool fits = frame.type == FrameType::pong || frame.value <= stream::varint_max;
        if (may && fits) stream::write_frame(writer, frame);
    }
}

stream::PacketNumber choose_number(const fuzz::HostileSession& session, std::uint8_t how,
                                   std::uint8_t by) {
    switch (how % 8) {
        case 0:
            return session.replies;
        case 1:
            return session.replies + 64U * by;
        case 2:
            return session.replies > by ? session.replies - by : 1;
        case 3:
            return ~stream::PacketNumber{0} - by;
        default:
            return session.replies + 1;
    }
}

stream::Acks choose_acks(const fuzz::HostileSession& session, std::uint8_t how, std::uint8_t by) {
    stream::Acks acks = session.arrived.newest();
    if (how == 1) acks = {};
    if (how == 2) acks.largest += by;
    if (how == 3) acks.largest = ~stream::PacketNumber{0};
    if (how == 4) acks.below.reset();
    return acks;
}

/// A reply: `how` chooses number, SURB and acks.
void reply(World& world, base::Reader& reader, std::uint8_t which, std::uint8_t how,
           std::uint8_t by) {
    if (world.exits.count() == 0) return;
    auto& session = world.exits.session(which);
    auto& other = world.exits.session(which + 1U);
    auto& owner = (how & 0x18U) == 0x08 ? other : session;
    auto& surbs = owner.surbs;
    base::SurbId surb;
    surb.bytes.fill(by);  // of none
    const bool spends = !surbs.empty() && (how & 0x18U) != 0x10;
    const bool changed = (which & 0x10U) != 0;
    if (spends) {
        surb = (how & 0x18U) == 0x18 ? surbs.back() : surbs.front();
        (how & 0x18U) == 0x18 ? surbs.pop_back() : surbs.pop_front();
    }
    if ((which & 0x80U) != 0) ++session.incarnation, forgotten.reach();
    const auto number = std::max(choose_number(session, how, by), stream::PacketNumber{1});
    base::ByteArray<stream::message_size> message{};
    stream::encode({.number = number,
                    .incarnation = session.incarnation,
                    .stock = static_cast<std::uint16_t>(
                        (which & 0x40U) != 0 ? by * 257U : session.surbs.size()),
                    .acks = choose_acks(session, how >> 5U, by)},
                   message);
    const auto length = std::min<std::size_t>(4U * (by % 16U), reader.remaining());
    const auto chosen = reader.bytes(length);
    const auto room = base::ByteSpan{message}.subspan(stream::down_header_size);
    if ((which & 0x20U) != 0)
        std::copy(chosen.begin(), chosen.end(), room.begin());
    else
        choose_frames(world, session, chosen, room);
    if (spends && !changed) owner.sent.insert(number);
    if (number < session.replies + 20'000) session.replies = std::max(session.replies, number);
    world.core.on_delivery(fuzz::HostileExits::delivery(surb, message, changed), world.now);
    world.events();
}

void use_stream(World& world, std::uint8_t what, std::uint8_t which, std::uint8_t size) {
    auto& core = world.core;
    const auto ref = world.streams.empty() ? 0 : world.streams[which % world.streams.size()];
    base::ByteArray<1024> bytes{};
    switch (what % 8) {
        case 0: {
            const client::core::IsolationKey key =
                which % 4 == 0 ? "" : std::string(1, static_cast<char>('a' + which % 4));
            const auto opened = core.open(key, {"target", size});
            if (opened) world.streams.push_back(*opened);
            break;
        }
        case 1:
            if (core.write(ref, base::ByteView{bytes}.first(4U * size)) > 0) written.reach();
            break;
        case 2:
            if (core.read(ref, base::ByteSpan{bytes}.first(4U * size)) > 0) readable.reach();
            break;
        case 3:
            core.finish(ref);
            break;
        case 4:
            core.stop(ref);
            break;
        case 5:
            core.reset(ref);
            if (ref != 0) world.ended.insert(ref);
            core.take_events();
            break;
        case 6:
            if (core.ping()) ++world.pings;
            break;
        default:
            core.new_identity();
            break;
    }
    if (what % 8 != 5) world.events();
}

/// What the gateway does: loops come back, changed or not, and the time that its padding says.
void gateway(World& world, std::uint8_t what, std::uint8_t by) {
    if (what % 4 == 3) {
        base::Bytes body(cell::body_size, by);
        return world.core.on_delivery(cell::Cell::packet(body, 0), world.now);
    }
    for (std::size_t i = 0; i < by && !world.loops.empty(); ++i) {
        const base::ByteArray<stream::message_size> zeros{};
        world.core.on_delivery(
            fuzz::HostileExits::delivery(world.loops.front(), zeros, what % 4 == 1), world.now);
        world.loops.pop_front();
    }
}

void change_document(World& world, std::uint8_t which) {
    auto document = std::make_shared<directory::Document>(*network().document);
    auto& law = document->parameters;
    if (which % 5 == 1) law.main_slots = {80'000};
    if (which % 5 == 2) law.replies = {20'000}, law.surb_margin = 10;
    if (which % 5 == 3)
        std::erase_if(document->relays, [](const auto& relay) {
            return relay.identity == network().gateway_ids[1] ||
                   relay.identity == network().gateway_ids[2];
        });
    if (which % 5 == 4) law.mean_delay = 10ms;
    world.core.use(document);
    world.twin.core.use(document);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    base::Reader reader{{data, size}};
    World world;
    world.connect();
    base::Nanoseconds left = 400s;  // an input takes no longer
    while (reader.remaining() > 3) {
        const auto what = reader.u8() % 8;
        const auto a = reader.u8();
        const auto b = reader.u8();
        const auto c = reader.u8();
        const base::Nanoseconds pause = a * 100ms;
        if (what == 0 && left >= pause) world.run(pause), left -= pause;
        if (what == 1 || what == 2) reply(world, reader, a, b, c);
        if (what == 3 || what == 4) use_stream(world, a, b, c);
        if (what == 5) a % 2 == 0 ? world.disconnect() : world.connect();
        if (what == 6) a % 2 == 0 ? gateway(world, b, c) : change_document(world, b);
        if (what == 7 && a > 250) world.wall_ahead = base::Seconds{b - 128};
        if (what == 7 && a < 8) world.now += 1s * b, world.step();
        if (what == 7 && a == 8) world.prepare();
        world.check();
    }
    return 0;
}

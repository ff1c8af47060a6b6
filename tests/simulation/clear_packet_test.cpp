// Simulations with packets in clear are valid only if they behave like those with real packets.
#include <doctest/doctest.h>

#include <tuple>
#include <vector>

#include "sphinx/base/codec.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

/// Every cell on every link: time, sender, receiver.
using Events = std::vector<std::tuple<base::Mono, std::size_t, std::size_t>>;

/// Two clients, one of which fetches a page, for 8 s.
Events run(Packets packets, std::uint64_t seed) {
    WorldOptions options;
    options.seed = seed;
    options.packets = packets;
    options.link.jitter = 1ms;
    World world{options};
    world.servers.add("blob.example", 80, blob_server);
    std::vector<ClientNode*> clients;
    for (std::uint8_t i = 0; i < 2; ++i) {
        base::MailboxId mailbox;
        mailbox.bytes.fill(static_cast<std::uint8_t>(0xc1 + i));
        clients.push_back(&world.add<ClientNode>(mailbox, mailbox, world.gateway(i).identity()));
    }
    std::optional<client::core::StreamRef> stream;
    std::size_t got = 0;
    clients[0]->application = [&](client::core::Core& core, base::Mono now) {
        if (now < World::begin + 4s) return;
        if (!stream) {
            stream = core.open("", {"blob.example", 80});
            base::ByteArray<8> wanted{};
            base::Writer{wanted}.u64(20'000);
            core.write(*stream, wanted);
        }
        base::ByteArray<4096> bytes;
        while (const auto taken = core.read(*stream, bytes))
            got += taken;
    };
    Events events;
    world.wire = [&events](OnWire& cell) {
        events.emplace_back(cell.sent, cell.from_number, cell.to_number);
    };
    world.run_for(8s);
    CHECK(got == 20'000);
    return events;
}

}  // namespace

TEST_CASE("packets in clear give the same events as real ones, from the same seed") {
    const auto real = run(Packets::real, 21);
    const auto clear = run(Packets::clear, 21);
    CHECK(real.size() > 5000);
    CHECK(real == clear);
    CHECK(clear != run(Packets::clear, 22));
}

#include "tests/lab/attacks/tagged_world.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "sphinx/base/codec.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/probe.hpp"
#include "tests/lab/world/relay_node.hpp"

namespace nightjar::lab::attacks {
namespace {

using lab::world::OnWire;
using lab::world::World;

bool from_client(const OnWire& cell) {
    return std::holds_alternative<base::MailboxId>(cell.from);
}
bool to_relay(const OnWire& cell) {
    return std::holds_alternative<base::NodeId>(cell.to);
}
bool is_packet(const OnWire& cell) {
    return cell.cell.kind() == cell::Kind::packet;
}

SeenCell note(const OnWire& cell) {
    return {cell.sent, cell.from_number, cell.to_number, from_client(cell) || !to_relay(cell)};
}

/// Changes one bit of the payload. In a real packet that garbles the whole payload; in a clear
/// packet it changes the zeros that identify a valid message.
void tag(OnWire& cell) {
    cell.cell.body()[packet::header_size] ^= 1;
}

class Attacked {
 public:
    Attacked(std::uint64_t seed, const TagAttack& attack) : attack_{attack}, world_{options(seed)} {
        world_.servers.add("blob.example", 80, lab::world::blob_server);
        for (unsigned i = 0; i < 2; ++i) {
            const auto mailbox = world_.fork_random()->id<base::MailboxId>();
            clients_.push_back(&world_.add<lab::world::ClientNode>(mailbox, mailbox,
                                                                   world_.gateway(i).identity()));
        }
        seen_.gateway = world_.number_of(world_.gateway(0).identity());
        seen_.exit = seen_.gateway;
        world_.wire = [this](OnWire& cell) { wire(cell); };
    }

    AttackedClients run() {
        world_.run_for(base::from_seconds(warm_up_s));
        auto& core = clients_[0]->core();
        if (const auto stream = core.open("", {"blob.example", 80})) {
            base::Bytes size(8);
            base::Writer{size}.u64(16'000'000);
            core.write(*stream, size);
        }
        attacking_ = true;
        seen_.attack_at = world_.now();
        world_.run_for(base::from_seconds(attack_s));
        return std::move(seen_);
    }

 private:
    static lab::world::WorldOptions options(std::uint64_t seed) {
        lab::world::WorldOptions made;
        made.seed = seed;
        made.packets = lab::world::Packets::clear;
        made.gateways = 3;
        made.parameters.relay_loops = {5'000};
        return made;
    }

    void wire(OnWire& cell) {
        seen_.trace.push_back(note(cell));
        if (!is_packet(cell)) return;
        if (!to_relay(cell)) {
            // A delivery to the client: the attacker can only duplicate it.
            if (attacking_ && attack_.what == What::twice) {
                cell.copies = 2;
                ++seen_.touched;
            }
            return;
        }
        const auto header = lab::world::read_clear(cell.cell.body());
        follow(cell, header);
        answer(cell);
        if (attacking_ && wanted(cell, header)) attack(cell, header);
    }
    /// Finds the first client's exit, and the time at which an attacked packet's route first ends.
    void follow(const OnWire& cell, const lab::world::ClearHeader& header) {
        const auto& first = clients_[0]->mailbox();
        if (!attacking_ && from_client(cell) && std::get<base::MailboxId>(cell.from) == first &&
            header.destination.bytes != first.bytes)
            seen_.exit = world_.number_of(base::NodeId{header.destination.bytes});
        if (header.at + 1 == header.hops && attacked_.contains(header.unique)) ended(cell);
    }
    void ended(const OnWire& cell) {
        seen_.first_end = std::min(seen_.first_end, cell.sent + world_.link.latency);
        if (attack_.what == What::answered) ++answers_[cell.to_number];
    }
    /// The broken network's answer to a tagged packet: one more, with the next that goes to a
    /// relay.
    void answer(OnWire& cell) {
        const auto owed = answers_.find(cell.from_number);
        if (from_client(cell) || owed == answers_.end() || owed->second == 0) return;
        --owed->second;
        cell.copies = 2;
        seen_.trace.push_back(note(cell));
    }
    bool wanted(const OnWire& cell, const lab::world::ClearHeader& header) {
        const auto& first = clients_[0]->mailbox();
        const bool loop = header.destination.bytes == header.address[header.hops - 1].bytes
                              ? !header.identifier.is_zero()
                              : header.hops == packet::max_hops;
        switch (attack_.whose) {
            case Whose::nobodys:
                return false;
            case Whose::loops:
                return loop;
            case Whose::session_some:
            case Whose::session_all:
                break;
        }
        // A gateway accepts no more packets from a client than the traffic law allows.
        if (attack_.what == What::twice) return !from_client(cell) || ++count_ % one_in == 0;
        // Attack on the link behind the client's gateway, where its packets to the exit start, and
        // on the first link of each reply to it.
        const auto sender = cell.from_number;
        const bool out =
            sender == seen_.gateway && header.at == 1 && !loop && header.hops == packet::max_hops;
        const bool back = header.at == 0 && header.destination.bytes == first.bytes && !loop &&
                          !from_client(cell);
        if (!out && !back) return false;
        return attack_.whose == Whose::session_all || ++count_ % one_in == 0;
    }
    void attack(OnWire& cell, const lab::world::ClearHeader& header) {
        attacked_.insert(header.unique);
        ++seen_.touched;
        if (attack_.what == What::tagged || attack_.what == What::answered) tag(cell);
        if (attack_.what == What::dropped) cell.copies = 0;
        if (attack_.what == What::twice) cell.copies = 2;
    }

    const TagAttack& attack_;
    World world_;
    std::vector<lab::world::ClientNode*> clients_;
    AttackedClients seen_;
    bool attacking_ = false;
    unsigned count_ = 0;
    std::set<std::uint64_t> attacked_;
    std::map<std::size_t, unsigned> answers_;  // that a relay of a broken network still owes
};

}  // namespace

std::size_t differing(SeenCells a, SeenCells b) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    SeenCells apart;
    std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(),
                                  std::back_inserter(apart));
    return apart.size();
}

SeenCells only(const SeenCells& trace, const std::function<bool(const SeenCell&)>& which) {
    SeenCells kept;
    std::copy_if(trace.begin(), trace.end(), std::back_inserter(kept), which);
    return kept;
}

RealRun real_run(std::uint64_t seed, base::Seconds length, const Hand& hand) {
    lab::world::WorldOptions options;
    options.seed = seed;
    options.pipeline.downlink_unpaid = 1e9;  // a probe does not keep the law
    options.parameters.relay_loops = {4'000};
    World world{options};
    const base::MailboxId alice{{1}};
    auto& probe = world.add<lab::world::Probe>(alice, alice, world.gateway(0).identity());
    RealRun run;
    world.wire = [&](OnWire& cell) {
        run.trace.push_back(note(cell));
        if (!hand || !is_packet(cell) || !to_relay(cell)) return;
        hand(cell);
        ++run.touched;
    };
    probe.send_loops_at(15);
    for (base::Seconds passed{}; passed < length; passed += base::Seconds{1}) {
        probe.send_to_exit(world.gateway(1).identity(), base::as_bytes("not a session's message"));
        world.run_for(base::Seconds{1});
    }
    return run;
}

AttackedClients run_attacked(std::uint64_t seed, const TagAttack& attack) {
    return Attacked{seed, attack}.run();
}

}  // namespace nightjar::lab::attacks

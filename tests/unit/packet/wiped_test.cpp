// Unwrapping and building must leave no secret in memory. A child process derives the secrets and
// sends them masked, so that they never exist in this process otherwise. Then a thread does the
// work and waits, and the test searches all writable memory of this process: stacks, heap and
// thread-local storage.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <thread>

#include "sphinx/packet/header.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/payload.hpp"
#include "tests/support/kernels.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

constexpr std::uint64_t mask = 0x5a5a5a5a5a5a5a5a;

struct Piece {
    char of[16];
    std::uint64_t masked;
};

class Teller {
 public:
    explicit Teller(int pipe) : pipe_{pipe} {}
    void tell(const char* of, std::uint64_t word) const {
        Piece piece{};
        std::strncpy(piece.of, of, sizeof piece.of - 1);
        piece.masked = word ^ mask;
        if (write(pipe_, &piece, sizeof piece) != sizeof piece) _exit(1);
    }
    void tell(const char* of, base::ByteView bytes) const {
        for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
            std::uint64_t word;
            std::memcpy(&word, bytes.data() + i, 8);
            tell(of, word);
        }
    }
    /// The IFMA kernel's representation: limbs of 51 bits.
    void tell_limbs(const char* of, base::ByteView bytes) const {
        for (std::size_t limb = 0; limb < 5; ++limb) {
            std::uint64_t value = 0;
            for (std::size_t bit = 0; bit < 51; ++bit) {
                const auto at = 51 * limb + bit;
                value |= std::uint64_t{bytes[at / 8] >> at % 8 & 1U} << bit;
            }
            tell(of, value);
        }
    }

 private:
    int pipe_;
};

/// The secrets that a child process derives and sends.
std::vector<Piece> told_by_child(const std::function<void(const Teller&)>& derive) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const auto child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        derive(Teller{ends[1]});
        _exit(0);
    }
    close(ends[1]);
    std::vector<Piece> pieces;
    for (Piece piece; read(ends[0], &piece, sizeof piece) == sizeof piece;)
        pieces.push_back(piece);
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    return pieces;
}

/// For each secret, the number of its pieces found in this process's writable memory.
std::map<std::string, int> found(const std::vector<Piece>& pieces) {
    std::map<std::string, int> counts;
    std::vector<bool> starts(1 << 16);
    for (const auto& piece : pieces)
        starts[static_cast<std::uint16_t>(piece.masked ^ mask)] = true;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    std::ifstream maps{"/proc/self/maps"};
    for (std::string line; std::getline(maps, line);) {
        std::uint64_t from = 0, to = 0;
        char rights[5] = {};
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, rights) != 3) continue;
        if (rights[0] == 'r' && rights[1] == 'w') ranges.emplace_back(from, to);
    }
    for (const auto& [from, to] : ranges) {
        for (auto at = from; at + 8 <= to; ++at) {
            std::uint64_t word;
            std::memcpy(&word, reinterpret_cast<const void*>(at), 8);
            if (!starts[static_cast<std::uint16_t>(word)]) continue;
            for (const auto& piece : pieces) {
                if (word == (piece.masked ^ mask)) ++counts[piece.of];
            }
        }
    }
    return counts;
}

/// Does the work deep in the stack, so that the frames of the later wait do not overwrite what it
/// left.
__attribute__((noinline)) void work_below(const std::function<void()>& work) {
    volatile char room[16 * 1024];
    room[0] = 0;
    work();
    room[1] = room[0];
}

// AddressSanitizer keeps its own frames and shadow memory, which are not wiped.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool searchable = false;
#elif defined(__has_feature)
constexpr bool searchable = !__has_feature(address_sanitizer);
#else
constexpr bool searchable = true;
#endif

std::map<std::string, int> left_by(const std::vector<Piece>& pieces,
                                   const std::function<void()>& work) {
    std::promise<void> worked, searched;
    std::thread worker{[&] {
        work_below(work);
        worked.set_value();
        searched.get_future().wait();
    }};
    worked.get_future().wait();
    auto counts = found(pieces);
    searched.set_value();
    worker.join();
    return counts;
}

constexpr std::size_t payload_bytes = 300;  // not a multiple of any cipher's or hash's block
constexpr std::size_t packet_bytes = header_size + payload_bytes;

struct Nodes {
    Nodes() {
        for (std::size_t i = 0; i < 3; ++i) {
            pairs.push_back(generate_key_pair(random));
            route.push_back({random.id<base::NodeId>(), pairs.back().public_key, i});
        }
    }
    base::SeededRandom random{41};
    std::vector<KeyPair> pairs;
    std::vector<Hop> route;
    base::Bytes message = base::Bytes(200, 7);
};

base::Bytes packet_of(const Nodes& nodes, std::uint64_t seed) {
    base::SeededRandom random{seed};
    const auto built = build(Version::v260, nodes.route, {}, {}, nodes.message, payload_bytes,
                             HeaderRandomness::draw(random));
    REQUIRE(built);
    return *built;
}

/// The states of SHA-256 after the pads of an HMAC key, in the two word orders that the code uses.
void tell_pads(const Teller& teller, const char* of, base::ByteView key) {
    for (const std::uint8_t pad : {0x36, 0x5c}) {
        base::Bytes block(64, pad);
        for (std::size_t i = 0; i < key.size(); ++i)
            block[i] ^= key[i];
        std::array<Sha256State, 1> state;
        sha256_compress<1>(state, {block.data()}, 1);
        const auto& words = state[0].words;
        for (std::size_t i = 0; i < words.size(); i += 2) {
            teller.tell(of, words[i] | std::uint64_t{words[i + 1]} << 32);
            teller.tell(of, words[i + 1] | std::uint64_t{words[i]} << 32);
        }
    }
}

void tell_keys(const Teller& teller, const HopKeys& keys) {
    teller.tell("cipher key", keys.cipher_key.view());
    teller.tell("MAC key", keys.mac_key.view());
    tell_pads(teller, "MAC pads", keys.mac_key.view());
    teller.tell("payload seed", keys.payload_seed.view());
    teller.tell("blinding", keys.blinding.view());
    teller.tell("replay tag", keys.tag.view());
    teller.tell("payload key", payload_key(keys.payload_seed).view());
}

/// All that the packet's first hop derives, and the key and the last block of its last cipher.
void tell_hop(const Teller& teller, const Nodes& nodes, base::Bytes packet) {
    const auto alpha = *PublicKey::from(base::ByteView{packet}.first(alpha_size));
    const auto shared = agree(nodes.pairs[0].secret, alpha);
    teller.tell("shared secret", shared->view());
    teller.tell_limbs("its limbs", shared->view());
    const auto keys = expand(*shared);
    tell_keys(teller, keys);
    const auto key = payload_key(keys.payload_seed);
    if (!unwrap(packet, nodes.pairs[0].secret, packet_bytes)) _exit(1);
    base::Secret<32> stream_key;
    for (std::size_t i = 0; i < 32; ++i)
        stream_key.data()[i] = packet[header_size + i] ^ key.data()[i];
    teller.tell("stream key", stream_key.view());
    base::Bytes stream(payload_bytes - 32);
    StreamCiphers{}.chacha20(stream_key, stream);
    teller.tell("keystream", base::ByteView{stream}.last(stream.size() % 64));
}

}  // namespace

TEST_CASE("unwrapping leaves no secret in memory" * doctest::skip(!searchable)) {
    testing::with_every_kernel([](Kernel) {
        for (const std::size_t count : {1, 3, 9}) {
            std::vector<base::Bytes> packets(count, base::Bytes(packet_bytes));
            auto pieces = told_by_child([&](const Teller& teller) {
                const Nodes nodes;
                for (std::size_t i = 0; i < count; ++i) {
                    auto packet = packet_of(nodes, i);
                    tell_hop(teller, nodes, packet);
                    for (const auto byte : packet)
                        teller.tell("packet", byte);
                }
            });
            std::size_t at = 0;
            std::erase_if(pieces, [&](const Piece& piece) {
                if (std::string{piece.of} != "packet") return false;
                packets[at / packet_bytes][at % packet_bytes] =
                    static_cast<std::uint8_t>(piece.masked ^ mask);
                ++at;
                return true;
            });
            REQUIRE(at == count * packet_bytes);
            const Nodes nodes;
            std::size_t opened = 0;
            const auto left = left_by(pieces, [&] {
                std::vector<UnwrapJob> jobs(count);
                for (std::size_t i = 0; i < count; ++i) {
                    jobs[i].packet = packets[i];
                    jobs[i].key = &nodes.pairs[0].secret;
                }
                unwrap_batch(jobs, packet_bytes);
                for (auto& job : jobs) {
                    opened += job.outcome ? 1 : 0;
                    sodium_memzero(&job.outcome,
                                   sizeof job.outcome);  // the caller's responsibility
                }
            });
            CAPTURE(count);
            for (const auto& [what, times] : left) {
                CAPTURE(what);
                CHECK(times == 0);
            }
            CHECK(opened == count);
        }
    });
}

TEST_CASE("building leaves no secret in memory" * doctest::skip(!searchable)) {
    testing::with_every_kernel([](Kernel) {
        const auto pieces = told_by_child([](const Teller& teller) {
            const Nodes nodes;
            base::SeededRandom random{5};
            const auto drawn = HeaderRandomness::draw(random);
            const auto keys = derive_keys(nodes.route, drawn.initial_secret);
            if (!keys) _exit(1);
            auto packet = packet_of(nodes, 5);
            for (std::size_t i = 0; i < keys->hops; ++i) {
                tell_keys(teller, keys->of_hop[i]);
                const auto alpha = *PublicKey::from(base::ByteView{packet}.first(alpha_size));
                const auto shared = agree(nodes.pairs[i].secret, alpha);
                teller.tell("shared secret", shared->view());
                teller.tell_limbs("its limbs", shared->view());
                if (!unwrap(packet, nodes.pairs[i].secret, packet_bytes)) _exit(1);
            }
        });
        const Nodes nodes;
        const auto left = left_by(pieces, [&] { packet_of(nodes, 5); });
        for (const auto& [what, times] : left) {
            CAPTURE(what);
            CHECK(times == 0);
        }
    });
}

// Whatever bytes a stranger sends to the answering end, cut anywhere: the handshake never succeeds,
// nothing throws, and what is kept is bounded. With the first byte odd the bytes come after a whole
// handshake instead, as records that an attacker puts on the wire: no cell ever comes of them.
#include <cstdlib>

#include "sphinx/node/link/tls_session.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using node::link::TlsSession;

namespace {

fuzz::Depth answered_hello{"an answer to a ClientHello"};
fuzz::Depth refused_hello{"a refused handshake"};
fuzz::Depth record_refused{"a refused record after the handshake"};
fuzz::Depth record_begun{"a record after the handshake, cut short"};

base::Secret<32> seed(std::uint8_t n) {
    base::Secret<32> secret;
    for (std::uint8_t& byte : secret.span())
        byte = n;
    return secret;
}

node::link::TlsIdentity& answering_identity() {
    static node::link::TlsIdentity identity{seed(1)};
    return identity;
}

node::link::TlsIdentity& dialing_identity() {
    static node::link::TlsIdentity identity{seed(2)};
    return identity;
}

// Moves what one end has to say to the other; the bytes stay with the caller.
base::Bytes take(TlsSession& from, TlsSession& to) {
    base::Bytes bytes;
    std::swap(bytes, from.output());
    to.feed(bytes);
    return bytes;
}

void shake_hands(TlsSession& dialing, TlsSession& answering) {
    bool dialed = false;
    bool answered = false;
    while (!dialed || !answered) {
        base::Bytes held;
        if (!dialed) {
            const auto step = dialing.handshake();
            require(step.has_value());
            dialed = *step;
        }
        held = take(dialing, answering);
        if (!answered) {
            const auto step = answering.handshake();
            require(step.has_value());
            answered = *step;
        }
        held = take(answering, dialing);
        if (!dialed) {
            const auto step = dialing.handshake();
            require(step.has_value());
            dialed = *step;
        }
    }
}

void before_the_handshake(base::ByteView input, std::size_t chunk) {
    TlsSession answering{answering_identity(), std::nullopt, 4};
    while (!input.empty()) {
        const base::ByteView piece = input.first(std::min(chunk, input.size()));
        input = input.subspan(piece.size());
        answering.feed(piece);
        const auto step = answering.handshake();
        require(answering.output().size() < 65536);
        if (!step) return refused_hello.reach();
        // More than an alert: the ServerHello and what belongs to it.
        if (answering.output().size() > 100) answered_hello.reach();
        require(!*step);
    }
}

void after_the_handshake(base::ByteView input, std::size_t chunk) {
    TlsSession dialing{dialing_identity(), answering_identity().key(), 4};
    TlsSession answering{answering_identity(), std::nullopt, 4};
    shake_hands(dialing, answering);
    while (!input.empty()) {
        const base::ByteView piece = input.first(std::min(chunk, input.size()));
        input = input.subspan(piece.size());
        answering.feed(piece);
        const auto cell = answering.next_cell(base::Mono{});
        if (!cell) return record_refused.reach();
        require(*cell == nullptr);
        if (input.empty()) record_begun.reach();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3 || size > 32768) return 0;
    const std::size_t chunk = 1 + data[1] * 16;
    const base::ByteView input{data + 2, size - 2};
    if (data[0] % 2 == 0)
        before_the_handshake(input, chunk);
    else
        after_the_handshake(input, chunk);
    return 0;
}

// An exit between hostile clients, hostile name servers and hostile targets: packets of any kind,
// answers that no query asked for, addresses of every kind, targets that connect, refuse or say
// nothing, a policy and servers that change. No attempt goes to an address that the policy does not
// allow. No session hears of a name that it did not ask for. Lookups, attempts and connections keep
// their bounds, and none outlives its session.
//
// The input is a list of operations of four bytes: what, and three parameters. Two of them are
// followed by as many bytes as their last parameter says: a message of a client, and one of the
// process for lookups.
#include <algorithm>

#include "sphinx/base/codec.hpp"
#include "tests/fuzz/relay/fuzzed_exit.hpp"

namespace nightjar::fuzz {
namespace {

using stream::FrameType;

const char* const answers_v4[] = {"1.2.3.4",         "5.6.7.8",   "9.9.9.9", "127.0.0.1",
                                  "169.254.169.254", "10.1.2.3",  "1.0.0.1", "8.8.8.8",
                                  "168.63.129.16",   "224.0.0.1", "7.7.7.7"};
const char* const answers_v6[] = {"2a00::1", "2a01::2",          "2a02::3",      "::1",
                                  "fe80::1", "::ffff:10.0.0.1",  "2002:a00::1",  "64:ff9b::a00:1",
                                  "2a03::4", "2a00::5efe:a00:1", "fd00:ec2::254"};

}  // namespace

/// Frames that a client may send, and some that it may not.
void Exit::packet(std::uint8_t a, std::uint8_t b, std::uint8_t c) {
    base::Bytes message(stream::message_size);
    stream::UpHeader header;
    header.session = session(a);
    auto& [number, newest] = sent_[header.session];
    header.number = (c & 0x80U) != 0 ? std::max<std::uint32_t>(number, 1) : ++number;
    header.surb_count = static_cast<std::uint8_t>(a / 64);
    header.schedule = {1, 30'000, 0, 0, 0, 0};
    encode(header, message);
    base::Writer writer{base::ByteSpan{message}.subspan(stream::up_header_size +
                                                        header.surb_count * stream::surb_size)};
    const auto stream = (c & 0x40U) != 0 ? newest : ++newest;
    const std::string host = hosts[c % std::size(hosts)];
    const auto of = [&](FrameType type, std::uint64_t value = 0) {
        stream::Frame one;
        one.type = type;
        one.stream = type == FrameType::ping ? 0 : stream;
        one.value = value;
        return one;
    };
    auto frame = of(FrameType::open);
    frame.port = b % 16 == 2 ? 443 : 80;
    frame.bytes = base::as_bytes(host);
    const base::Bytes data(100, 7);
    switch (b % 10) {
        case 0:
        case 1:
        case 2:
            break;
        case 3:
            frame.type = FrameType::resolve;
            break;
        case 4:
            frame = of(FrameType::data, b / 10U);
            frame.bytes = data;
            break;
        case 5:
            frame = of(FrameType::fin, b / 10U);
            break;
        case 6:
            frame = of(FrameType::reset);
            break;
        case 7:
            frame = of(FrameType::window, 1'000'000);
            break;
        case 8:
            frame = of(FrameType::stop);
            break;
        default:
            frame = of(FrameType::ping, c);
    }
    // Several streams for one name, or as many as fit for several.
    for (unsigned i = 0; i <= b / 64U && write_frame(writer, frame); ++i)
        if (frame.type == FrameType::open) frame.stream = ++newest;
    deliver(message);
}

void Exit::message(base::ByteView bytes) {
    base::Bytes message(stream::message_size);
    std::copy(bytes.begin(), bytes.end(), message.begin());
    deliver(message);
}

/// The process answers one of the last questions, or one that it makes up.
void Exit::answer(std::uint8_t a, std::uint8_t b, std::uint8_t c) {
    const auto& questions = names_->asked();
    if (questions.empty()) return;
    const auto& question = questions[a % questions.size()];
    auto family = (c & 0x80U) != 0 ? Family::v6 : Family::v4;
    std::uint64_t query = 0;
    if (const auto* of = std::get_if<relay::io::AskAddresses>(&question)) {
        query = of->query;
        if ((c & 0x40U) == 0) family = of->family;
    } else if (const auto* name = std::get_if<relay::io::AskName>(&question)) {
        query = name->query;
    }
    relay::io::NameReply reply =
        relay::io::NoAnswer{query, static_cast<relay::core::NameError>(b / 4U % 6)};
    if (b % 4 == 0 || b % 4 == 1) {
        relay::io::FoundAddresses good{query, family, {{}, base::Seconds{b}}};
        for (unsigned i = 0; i <= c % 16U; ++i) {
            const auto at = (b / 4U + i) % std::size(answers_v4);
            good.found.addresses.push_back(
                address(family == Family::v4 ? answers_v4[at] : answers_v6[at]));
        }
        reply = good;
    } else if (b % 4 == 2) {
        reply = relay::io::FoundName{query, "host.example"};
    }
    says(relay::io::to_bytes(reply));
}

/// An attempt connects, or fails.
void Exit::attempt(std::uint8_t a, std::uint8_t b, std::uint8_t c) {
    auto* connection = pick(a);
    if (!connection || connection->running.empty()) return;
    const auto at = std::next(connection->running.begin(),
                              static_cast<std::ptrdiff_t>(b % connection->running.size()))
                        ->first;
    connection->running.erase(at);
    if (c % 4 != 0) {
        const auto reason = static_cast<ResetReason>(1 + c % 8);
        return connection->race.failed(at, reason, now_);
    }
    connection->race.connected(at);
    connection->running.clear();
    connection->is_connected = true;
    connected.reach();
    sessions_.accept(connection->ref);
}

void Exit::pass(base::Nanoseconds time) {
    now_ += time;
    std::vector<relay::core::ExitSessions::Reply> replies;
    sessions_.tick(now_, wall(), replies);
    require(sessions_.next_due() > now_);
}

/// What a target that is connected does.
void Exit::target(std::uint8_t a, std::uint8_t b, std::uint8_t c) {
    auto* connection = pick(a);
    if (!connection || !connection->is_connected) return;
    base::Bytes bytes(b * 40U);
    const auto sessions = sessions_.sessions();
    switch (c % 4) {
        case 0: {
            const auto room = sessions_.writable(connection->ref);
            const auto taken = sessions_.write(connection->ref, bytes);
            require(taken == std::min(room, bytes.size()));
            if (taken > 0) carried.reach();
            break;
        }
        case 1:
            sessions_.read(connection->ref, bytes);
            break;
        case 2:
            sessions_.finish(connection->ref);
            break;
        default:
            sessions_.reset(connection->ref, ResetReason::cancelled);
            close(connection->ref);
    }
    if (sessions_.sessions() < sessions) over_memory.reach();
}

}  // namespace nightjar::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace nightjar;
    fuzz::Exit exit;
    base::Reader reader{{data, size}};
    for (int steps = 0; reader.remaining() >= 4 && steps < 400; ++steps) {
        const auto what = reader.u8(), a = reader.u8(), b = reader.u8(), c = reader.u8();
        switch (what % 10) {
            case 0:
            case 1:
                exit.packet(a, b, c);
                break;
            case 2:
                exit.message(reader.bytes(std::min<std::size_t>(c, reader.remaining())));
                break;
            case 3:
            case 4:
                exit.answer(a, b, c);
                break;
            case 5:
                exit.says(reader.bytes(std::min<std::size_t>(c, reader.remaining())));
                break;
            case 6:
                exit.attempt(a, b, c);
                break;
            case 7:
                exit.pass(base::Milliseconds{(c & 1U) != 0 ? a * 100 : a});
                break;
            case 8:
                (c & 1U) != 0 ? exit.use_servers() : exit.use(a);
                break;
            default:
                exit.target(a, b, c);
        }
        exit.settle();
    }
    return 0;
}

#include "relay/authority/core/saved_state.hpp"

#include <tuple>

#include "sphinx/base/codec.hpp"

namespace nightjar::relay::authority::core {

namespace {

constexpr std::uint8_t version = 1;

void put_certificate(base::Writer& writer, const std::optional<Certificate>& certificate) {
    const auto bytes = certificate ? encode(*certificate) : base::Bytes{};
    writer.u16(static_cast<std::uint16_t>(bytes.size()));
    writer.bytes(bytes);
}

/// False if the bytes are no certificate of these votes and this epoch. An empty field is none.
bool take_certificate(base::Reader& reader, Kind kind, base::Epoch epoch,
                      std::optional<Certificate>& certificate) {
    const auto bytes = reader.bytes(reader.u16());
    if (bytes.empty()) return reader.ok();
    certificate = parse_certificate(bytes);
    return certificate && certificate->kind == kind && certificate->epoch == epoch;
}

bool take_lock(base::Reader& reader, std::optional<Lock>& locked) {
    const auto present = reader.u8();
    if (present == 0) return reader.ok();
    Lock lock;
    lock.round = reader.u32();
    reader.into(lock.value.bytes);
    locked = lock;
    return reader.ok() && present == 1 && lock.round < rounds_max && !lock.value.is_zero();
}

bool take_own(base::Reader& reader, SavedState& state) {
    const std::size_t count = reader.u8();
    if (count > 3) return false;
    for (std::size_t i = 0; i < count; ++i) {
        const auto message = parse_message(reader.bytes(message_size));
        if (!message || message->epoch != state.epoch || message->round != state.round)
            return false;
        if (!state.own.empty() && message->kind <= state.own.back().kind) return false;
        state.own.push_back(*message);
    }
    return true;
}

bool take_heard(base::Reader& reader, SavedState& state) {
    const std::size_t count = reader.u16();
    if (count > heard_max) return false;
    const auto place = [](const Message& message) {
        return std::tie(message.round, message.kind, message.authority);
    };
    for (std::size_t i = 0; i < count; ++i) {
        const auto message = parse_message(reader.bytes(message_size));
        if (!message || message->epoch != state.epoch || message->round > state.round ||
            message->round + 1 < state.round)
            return false;
        if (!state.heard.empty() && place(*message) <= place(state.heard.back())) return false;
        state.heard.push_back(*message);
    }
    return true;
}

}  // namespace

base::Bytes encode(const SavedState& state) {
    base::Bytes bytes(saved_state_size_max);
    base::Writer writer{bytes};
    writer.u8(version);
    writer.u32(state.epoch.value);
    writer.u32(state.round);
    writer.u8(static_cast<std::uint8_t>(state.step));
    writer.u8(state.locked ? 1 : 0);
    if (state.locked) {
        writer.u32(state.locked->round);
        writer.bytes(state.locked->value.bytes);
    }
    put_certificate(writer, state.valid);
    put_certificate(writer, state.decision);
    writer.u8(static_cast<std::uint8_t>(state.own.size()));
    for (const auto& message : state.own)
        writer.bytes(encode(message));
    writer.u16(static_cast<std::uint16_t>(state.heard.size()));
    for (const auto& message : state.heard)
        writer.bytes(encode(message));
    bytes.resize(writer.written());
    return bytes;
}

std::optional<SavedState> parse_saved_state(base::ByteView bytes) {
    base::Reader reader{bytes};
    SavedState state;
    if (reader.u8() != version) return std::nullopt;
    state.epoch.value = reader.u32();
    state.round = reader.u32();
    const auto step = reader.u8();
    state.step = static_cast<Step>(step);
    if (state.round >= rounds_max || step < 1 || step > 3) return std::nullopt;
    if (!take_lock(reader, state.locked) ||
        !take_certificate(reader, Kind::prevote, state.epoch, state.valid) ||
        !take_certificate(reader, Kind::precommit, state.epoch, state.decision) ||
        !take_own(reader, state) || !take_heard(reader, state) || !reader.finished())
        return std::nullopt;
    return state;
}

}  // namespace nightjar::relay::authority::core

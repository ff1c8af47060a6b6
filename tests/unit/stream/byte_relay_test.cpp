#include "sphinx/stream/byte_relay.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace nightjar;
using stream::ByteRelay;
using Input = ByteRelay::Input;
using Actions = ByteRelay::Actions;

namespace {

Actions after(const std::vector<Input>& inputs, ByteRelay& relay) {
    Actions last;
    for (const auto input : inputs)
        last = relay.on(input);
    return last;
}

}  // namespace

TEST_CASE("byte relay: each pair of ends has its outcome") {
    struct Row {
        std::vector<Input> inputs;
        Actions last;
        bool over;
    };
    const Actions none;
    const Actions orderly{.shut_down = true, .close = true};
    const Actions forced{.reset = true, .abort = true};
    const Row rows[] = {
        {{Input::socket_ended}, {.finish = true}, false},
        {{Input::stream_finished}, {.shut_down = true}, false},
        {{Input::write_failed}, {.stop = true}, false},
        {{Input::write_broke}, {.stop = true}, false},
        {{Input::stream_stopped}, none, false},
        {{Input::stream_reset}, {.drain = true}, false},
        {{Input::socket_broke}, forced, true},
        {{Input::expired}, forced, true},
        {{Input::socket_ended, Input::stream_finished}, orderly, true},
        {{Input::stream_finished, Input::socket_ended}, {.finish = true, .close = true}, true},
        {{Input::socket_ended, Input::stream_stopped}, none, false},
        {{Input::socket_ended, Input::expired}, forced, true},
        {{Input::socket_ended, Input::write_failed}, {.stop = true, .close = true}, true},
        {{Input::write_failed, Input::socket_ended}, {.finish = true, .close = true}, true},
        {{Input::write_broke, Input::socket_ended}, forced, true},
        {{Input::write_failed, Input::socket_broke}, forced, true},
        {{Input::write_failed, Input::stream_stopped}, forced, true},
        {{Input::write_failed, Input::stream_reset}, {.drain = true, .abort = true}, true},
        {{Input::stream_finished, Input::stream_stopped}, {.drain = true}, false},
        {{Input::stream_stopped, Input::stream_finished},
         {.shut_down = true, .drain = true},
         false},
        {{Input::stream_stopped, Input::socket_ended}, none, false},
        {{Input::stream_reset, Input::drained}, {.abort = true}, true},
        {{Input::stream_reset, Input::expired}, {.abort = true}, true},
        {{Input::stream_reset, Input::socket_broke}, {.abort = true}, true},
        {{Input::drained}, none, false},
    };
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        CAPTURE(i);
        ByteRelay relay;
        CHECK(after(rows[i].inputs, relay) == rows[i].last);
        CHECK(relay.over() == rows[i].over);
    }
}

TEST_CASE("byte relay: a failed write leaves the other direction whole") {
    ByteRelay relay;
    relay.on(Input::write_failed);
    CHECK(relay.reads());
    CHECK_FALSE(relay.writes());
    CHECK(relay.half_closed());
}

TEST_CASE("byte relay: what the stream wants no more is read and discarded until its end") {
    ByteRelay relay;
    relay.on(Input::stream_stopped);
    CHECK_FALSE(relay.reads());
    CHECK(relay.discards());
    CHECK(relay.writes());
    relay.on(Input::stream_reset);
    CHECK(relay.draining());
    CHECK(relay.discards());
    CHECK_FALSE(relay.writes());
    relay.on(Input::socket_ended);
    CHECK_FALSE(relay.discards());
    CHECK(relay.draining());
}

TEST_CASE("byte relay: over every order of inputs, one end, and orderly only if both sides ended") {
    constexpr int kinds = 8;
    constexpr int length = 5;
    for (int order = 0; order < kinds * kinds * kinds * kinds * kinds; ++order) {
        ByteRelay relay;
        bool ended = false;
        bool closed = false;
        bool finished = false;
        bool broke = false;
        bool given_up = false;
        for (int i = 0, rest = order; i < length; ++i, rest /= kinds) {
            const auto input = static_cast<Input>(rest % kinds);
            const auto actions = relay.on(input);
            REQUIRE((!ended || actions == Actions{}));
            finished = finished || actions.finish;
            broke = broke || actions.reset;
            given_up = given_up || actions.stop || actions.shut_down;
            closed = closed || actions.close;
            ended = ended || actions.close || actions.abort;
            REQUIRE(relay.over() == ended);
            REQUIRE_FALSE((actions.close && actions.abort));
            REQUIRE_FALSE((relay.over() && (relay.reads() || relay.writes() || relay.discards())));
            REQUIRE_FALSE((relay.reads() && relay.discards()));
        }
        if (closed) REQUIRE((finished && given_up && !broke));
    }
}

#include "sphinx/stream/byte_relay.hpp"

namespace nightjar::stream {

ByteRelay::Actions ByteRelay::on(Input input) {
    Actions actions;
    if (over_) return actions;
    if (input == Input::socket_ended && broken_) input = Input::socket_broke;
    switch (input) {
        case Input::socket_ended:
            end_of_file_ = true;
            if (in_ != In::open || draining_) return actions;
            in_ = In::ended;
            actions.finish = true;
            break;
        case Input::stream_finished:
            if (!writes()) return actions;
            out_ = Out::ended;
            actions.shut_down = true;
            break;
        case Input::stream_stopped:
            if (in_ == In::open) in_ = In::unwanted;
            break;
        case Input::write_broke:
            broken_ = true;
            [[fallthrough]];
        case Input::write_failed:
            if (!writes()) return actions;
            out_ = Out::failed;
            actions.stop = true;
            break;
        case Input::stream_reset:
            draining_ = true;
            actions.drain = true;
            over_ = actions.abort = out_ == Out::failed;
            return actions;
        case Input::socket_broke:
        case Input::expired:
            actions.reset = !draining_;
            over_ = actions.abort = true;
            return actions;
        case Input::drained:
            if (!draining_) return actions;
            over_ = actions.abort = true;
            return actions;
    }
    settle(actions);
    return actions;
}

/// Both directions have ended, or one remains.
void ByteRelay::settle(Actions& actions) {
    if (in_ == In::open || out_ == Out::open) return;
    if (in_ == In::ended) {
        over_ = actions.close = true;
    } else if (out_ == Out::ended) {
        draining_ = actions.drain = true;
    } else {
        over_ = actions.reset = actions.abort = true;
    }
}

}  // namespace nightjar::stream

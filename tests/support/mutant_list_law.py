"""Mutants of what hides a client's traffic from its exits, and of what a client may send ahead of its windows."""
from mutant_list import CORE, mutant

MUTANTS = [
    # --- sphinx/stream/mux: ahead of the first WINDOW ---
    mutant("one-stream-takes-all-that-is-ahead", "sphinx/stream/mux.cpp",
           "(limits.ahead - std::min<std::uint64_t>(limits.ahead, others)) / 2;",
           "(limits.ahead - std::min<std::uint64_t>(limits.ahead, others));",
           CORE, "streams share what a client may send ahead of its windows"),
    mutant("ahead-also-after-a-WINDOW", "sphinx/stream/mux.cpp",
           "if (stream.send.limit() > limits.initial_window) return 0;", "",
           CORE, "a WINDOW that covers what was sent ahead makes room for others"),
    mutant("ahead-of-a-withdrawn-stream-forgotten", "sphinx/stream/send_half.cpp",
           "    lost_.clear();\n", "    lost_.clear();\n    reach_ = 0;\n",
           CORE, "a stream that is withdrawn counts until the exit knows"),
    mutant("no-WINDOW-for-what-came-ahead", "sphinx/stream/mux_impl.hpp",
           "if (at_once) return receive.ends_by(told);", "if (at_once) return receive.ends_by(receive.window_end());",
           CORE, "a stream that ends ahead of its window still makes room for others"),
    mutant("WINDOW-below-what-came-is-not-acknowledged", "sphinx/stream/mux_send.cpp",
           "if (value == stream->told) settle_control(", "if (value == stream->receive.window_end()) settle_control(",
           CORE, "a WINDOW below what was sent ahead is told, and told again after a loss"),
    mutant("exit-takes-any-amount-ahead", "sphinx/stream/mux.cpp",
           "taken() + more > limits.session_window + limits.ahead", "false",
           CORE, "an exit holds what a client may send ahead, and resets a stream that sends more"),
    mutant("client-takes-bytes-ahead", "sphinx/stream/mux.cpp",
           "if (side == Side::client || end <= stream.receive.window_end()) return;",
           "if (end <= stream.receive.window_end()) return;",
           CORE, "an exit sends nothing ahead of a client's windows"),
    mutant("exit-sends-ahead", "sphinx/stream/mux.cpp",
           "if (side == Side::exit || stream.peer_stopped) return 0;", "if (stream.peer_stopped) return 0;",
           CORE, "an exit sends nothing ahead of a client's windows"),
    mutant("nothing-ahead-at-the-network's-rates", "sphinx/stream/mux.cpp",
           "    limits.ahead = limits.receive_window;\n", "", CORE, "an upload does not wait for its first WINDOW"),
    # --- sphinx/stream/number_order ---
    mutant("the-same-share-unused-in-every-block", "sphinx/stream/number_order.cpp",
           "unused_ = unused_max * random_.unit();", "unused_ = unused_max / 2;",
           CORE, "numbers come in random order within blocks of 64, and 0 to 40 % of a block's never"),
]

"""Mutants of how a connection ends when its process does."""
from mutant_list import PROGRAMS, SYSTEM, mutant

ENDS = "sphinx/node/process/socket_end.hpp"
ENDED = "tests/system/faults_ended_test.py"
FIN = "socket ends: only close_in_order ends with a FIN"

MUTANTS = [
    mutant("sockets-end-in-order-by-themselves", ENDS,
           "void reset_unless_closed(Socket& socket) {\n    boost::system::error_code ignored;\n"
           "    if (socket.is_open()) socket.set_option(boost::asio::socket_base::linger{true, 0}, ignored);",
           "void reset_unless_closed(Socket& socket) {\n    static_cast<void>(socket);", SYSTEM, FIN),
    mutant("orderly-closes-reset", ENDS,
           "    if (socket.is_open()) socket.set_option(boost::asio::socket_base::linger{false, 0}, ignored);\n", "",
           SYSTEM, FIN),
    mutant("killed-exit-ends-in-order", "relay/io/exit_dial.cpp", "    node::process::reset_unless_closed(socket);\n", "", ENDED,
           "Ended.test_a_target_sees_a_reset_when_the_exit_is_killed", PROGRAMS),
    mutant("killed-client-ends-in-order", "client/apps/application.hpp",
           "        node::process::reset_unless_closed(socket);\n", "", ENDED,
           "Ended.test_an_application_sees_a_reset_when_the_client_is_killed", PROGRAMS),
]

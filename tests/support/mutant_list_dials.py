"""Mutants of the process for an exit's connections, and of what the exit believes of it."""
from mutant_list import PROGRAMS, SYSTEM, UNIT, mutant

CLIENT = "relay/io/dial_client.cpp"
HELPER = "relay/io/dial_helper.cpp"
MESSAGES = "relay/io/dial_messages.cpp"
LINK = "sphinx/node/process/helper_client.cpp"
SANDBOX = "sphinx/node/process/sandbox.cpp"
PROCESS = "tests/system/helper_process_test.py"
WRITTEN = "dial messages: what is written is read, and nothing else"
BOUNDS = "dial messages: an error, a kind or a family that is none is refused"
LIES = "dial client: a helper that hands over anything else is killed, and replaced"
TWO = "dial client: two descriptors in one message are a lie, and none stays open"
GIVEN_UP = "dial client: an attempt that is given up has no result, and keeps its place"
ENDS = "dial client: attempts in progress fail when the helper ends, and the next one works"
ONCE = "dial helper: each attempt is answered once, also one that is given up"
NO_BYTE = "connecting sandbox: it connects, and reads and writes nothing of what it connects"
ITS_LINK = "connecting sandbox: no other socket takes the place of its link"

MUTANTS = [
    # --- relay/io/dial_messages ---
    mutant("dial-message-with-more-behind-it", MESSAGES, "if (!in.finished()) return std::nullopt;", "if (!in.ok()) return std::nullopt;",
           UNIT, WRITTEN),
    mutant("dial-error-that-is-none", MESSAGES, "if (error > static_cast<std::uint8_t>(last_error))",
           "if (error > static_cast<std::uint8_t>(last_error) + 1)", UNIT, BOUNDS),
    # --- relay/io/dial_client: what is handed over ---
    mutant("connection-to-another-target-taken", CLIENT, "return endpoint_of(name) == target ? Handed::connection : Handed::other;",
           "return endpoint_of(name).port != 0 || target.port == 0 ? Handed::connection : Handed::other;", SYSTEM, LIES),
    mutant("socket-of-datagrams-taken", CLIENT, """        number_of(descriptor, SO_TYPE) != SOCK_STREAM ||
        number_of(descriptor, SO_PROTOCOL) != IPPROTO_TCP)
""", "        false)\n", SYSTEM, LIES),
    mutant("failure-with-a-socket-taken", CLIENT, "return bare && reply", "return reply", SYSTEM, LIES),
    mutant("given-up-unasked-taken", CLIENT, "if (reply.error == DialError::given_up && !given_up) return false;", "", SYSTEM, LIES),
    mutant("broken-connection-is-a-lie", CLIENT, "return errno == ENOTCONN ? Handed::broken_connection : Handed::other;",
           "return errno == ENOTCONN ? Handed::other : Handed::other;", SYSTEM,
           "dial client: a target that breaks off at once is no lie of the helper's"),
    mutant("second-descriptor-taken", LINK, "constexpr auto of_one = CMSG_LEN(sizeof(int));", "constexpr auto of_one = CMSG_SPACE(sizeof(int));",
           SYSTEM, TWO),
    mutant("descriptor-of-a-lie-stays-open", LINK, "    if (got.descriptor >= 0) ::close(got.descriptor);\n", "", SYSTEM, TWO),
    mutant("attempts-without-bound", CLIENT, "impl->waiting.size() >= impl->limits.attempts_max", "false", SYSTEM, GIVEN_UP),
    mutant("given-up-attempt-unsaid", CLIENT, "    impl_->helper->send(to_bytes(DialRequest{GiveUp{attempt}}));\n", "", SYSTEM, GIVEN_UP),
    mutant("given-up-connection-stays-open", CLIENT,
           "    if (message.descriptor >= 0) ::close(message.descriptor);\n    if (its.on_result)\n", "    if (its.on_result)\n", SYSTEM, GIVEN_UP),
    mutant("attempts-of-an-ended-helper-wait", CLIENT, "void helper_ended() override { fail_all(); }", "void helper_ended() override {}",
           SYSTEM, ENDS),
    mutant("silent-dial-helper-lives", CLIENT, "    if (waiting.empty()) return std::nullopt;\n", "    if (waiting.size() < 1000) return std::nullopt;\n",
           SYSTEM, "dial client: a helper that does not answer is killed"),
    mutant("dials-after-the-stop-wait", CLIENT, "    impl->helper->stop();\n    impl->fail_all();\n", "    impl->helper->stop();\n", SYSTEM,
           "dial client: all attempts fail when it stops, and later ones at once"),
    # --- relay/io/unwrap_pool ---
    mutant("workers-stacks-keep-routes", "relay/io/unwrap_pool.cpp", "[] { base::wipe_stack(); }", "[] {}", SYSTEM,
           "unwrap pool: what packets left on a worker's stack is overwritten"),
    # --- relay/io/dial_helper, and its sandbox ---
    mutant("given-up-attempt-without-an-answer", HELPER, "if (running_.erase(request.attempt) > 0) say(request.attempt, DialError::given_up);",
           "running_.erase(request.attempt);", SYSTEM, ONCE),
    mutant("handed-over-socket-still-watched", HELPER,
           "if (::epoll_ctl(poll_.number(), EPOLL_CTL_DEL, socket.number(), nullptr) != 0)", "if (socket.number() < 0)", SYSTEM,
           "dial helper: it waits for nothing of what it has handed over"),
    mutant("dial-helper-takes-any-message", HELPER, "        if (!request) throw std::runtime_error",
           "        if (!request) return true;\n        if (false) throw std::runtime_error", SYSTEM, "dial helper: what no exit says ends it"),
    mutant("connector-writes-to-targets", SANDBOX, "SCMP_ACT_ALLOW, name, {equals_int(0, helper_link)});", "SCMP_ACT_ALLOW, name);", SYSTEM, NO_BYTE),
    mutant("connector-closes-its-link", SANDBOX, "for (unsigned bit = 2; bit < 31; ++bit) {", "for (unsigned bit = 0; bit < 31; ++bit) {", SYSTEM,
           ITS_LINK),
    mutant("connector-asks-by-datagrams", SANDBOX, "allow_internet_sockets(filter, {SOCK_STREAM});",
           "allow_internet_sockets(filter, {SOCK_STREAM, SOCK_DGRAM});", SYSTEM, ITS_LINK),
    mutant("connector-asks-by-another-protocol", SANDBOX, "type == SOCK_STREAM ? IPPROTO_TCP", "type == SOCK_STREAM ? IPPROTO_SCTP", SYSTEM,
           ITS_LINK),
    mutant("dial-helper-without-a-filter", HELPER, "    node::process::enter_connecting_sandbox();\n", "", PROCESS,
           "HelperProcess.test_2_no_key_is_reached_by_what_connects", PROGRAMS),
    mutant("lost-connector-unsaid", "relay/daemon.cpp", "status.connects = engine_.connects();", "status.connects = engine_.finds_names();", PROCESS,
           "HelperProcess.test_3_the_process_is_replaced", PROGRAMS),
]

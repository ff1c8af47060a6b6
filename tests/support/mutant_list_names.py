"""Mutants of the process for name lookups, and of what the exit believes of it."""
from mutant_list import PROGRAMS, SYSTEM, UNIT, mutant

CLIENT = "relay/io/name_client.cpp"
HELPERS = "sphinx/node/process/helper_client.cpp"
QUERIES = "relay/io/name_queries.cpp"
HELPER = "relay/io/name_helper.cpp"
SANDBOX = "sphinx/node/process/sandbox.cpp"
MESSAGES = "relay/io/name_messages.cpp"
PROCESS = "tests/system/helper_process_test.py"
LIES = "name client: a helper that says what is no answer is killed, and replaced"
WRITTEN = "name messages: what is written is read, and nothing else"
BOUNDS = "name messages: each field of a reply is held to its bounds"
REQUESTS = "name messages: a request names host names, addresses and servers only"
KIND = "name queries: only an answer of the kind that was asked for is passed on, once"
PLACE = "name client: a cancelled query is not answered, and keeps its place until the helper has"
NO_KEY = "HelperProcess.test_1_no_key_is_reached_by_what_reads_answers"

MUTANTS = [
    mutant("helper-signals-by-its-descriptors", SANDBOX, "{F_GETFD, F_SETFD, F_GETFL, F_SETFL}", "{F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETOWN}",
           SYSTEM, "narrow sandbox: no other process is reached, and none is started"),
    # --- relay/io/name_messages ---
    mutant("name-message-with-more-behind-it", MESSAGES, "if (!in.finished()) return std::nullopt;",
           "if (!in.ok()) return std::nullopt;", UNIT, WRITTEN),
    mutant("addresses-beyond-their-number", MESSAGES, "count == 0 || count > found_addresses_max", "count == 0", UNIT, BOUNDS),
    mutant("no-address-is-an-answer", MESSAGES, "count == 0 || count > found_addresses_max", "count > found_addresses_max", UNIT, BOUNDS),
    mutant("addresses-that-last-for-ever", MESSAGES, "ttl > ttl_max || ", "(ttl > ttl_max && false) || ", UNIT, BOUNDS),
    mutant("error-that-is-none", MESSAGES, "if (error <= static_cast<std::uint8_t>(last_error))",
           "if (error <= static_cast<std::uint8_t>(last_error) + 1)", UNIT, BOUNDS),
    mutant("found-name-of-any-bytes", MESSAGES, "if (!base::is_host_name(name)) return std::nullopt;", "", UNIT, BOUNDS),
    mutant("servers-without-number", MESSAGES, "count == 0 || count > name_servers_max", "count == 0", UNIT, REQUESTS),
    # --- relay/io/name_queries ---
    mutant("answer-of-another-kind-taken", QUERIES, "|| !fits(reply, found->second.kind)", "", UNIT, KIND),
    mutant("withdrawn-query-answered", QUERIES, "    take(found->second);\n    return true;", "    return true;", UNIT, KIND),
    mutant("answered-query-stays", QUERIES, "    waiting_.erase(found);\n", "    (void)found;\n", UNIT, KIND),
    # --- sphinx/node/process/restart_pause ---
    mutant("helper-restarted-without-pause", "sphinx/node/process/restart_pause.cpp", "std::clamp(2 * pause, limits_.least, limits_.most)",
           "std::clamp(0 * pause, base::Milliseconds{0}, limits_.most)", UNIT,
           "restart pause: none after the first failure, then doubled to its bound"),
    mutant("steady-helper-counts-as-failure", "sphinx/node/process/restart_pause.cpp", "if (lived >= limits_.steady) next_",
           "if (lived < base::Seconds{0}) next_", UNIT,
           "restart pause: none after the first failure, then doubled to its bound"),
    # --- relay/io/name_client ---
    mutant("cut-answer-taken", HELPERS, "if ((header.msg_flags & MSG_TRUNC) == 0 && cut", "if (cut", SYSTEM, LIES),
    mutant("answer-with-descriptor-taken", HELPERS, "== 0 && cut == got.descriptor_lost) return got;", "== 0) return got;", SYSTEM, LIES),
    mutant("lying-helper-lives", HELPERS, "    if (keeper) keeper->end_helper();\n    const auto wait", "    const auto wait", SYSTEM, LIES),
    mutant("silent-helper-lives", HELPERS, "return self->over(\"it does not answer\");", "return;", SYSTEM,
           "name client: a helper that does not answer is killed"),
    mutant("queries-without-bound", CLIENT, "queries.size() >= limits.queries_max", "false", SYSTEM, PLACE),
    mutant("new-servers-unsaid", CLIENT, "if (helper && helper->running()) helper->send", "if (false) helper->send", SYSTEM,
           "name client: new name servers reach the helper, and questions in progress fail"),
    mutant("message-lost-when-the-helper-is-slow", HELPERS, "        if (sent >= 0) {\n", "        if (sent >= 0 || errno == EAGAIN) {\n", SYSTEM,
           "name client: a helper that does not read gets every message later, in order"),
    mutant("query-unanswered-at-the-stop", CLIENT, "    helper->stop();\n    queries.fail_all();\n",
           "    helper->stop();\n", SYSTEM,
           "name client: all questions are answered when it stops"),
    mutant("helper-that-cannot-start-not-asked-again", HELPERS,
           "        case Keeper::News::Kind::no_helper:\n            return over(\"the system does not let it start\");\n",
           "        case Keeper::News::Kind::no_helper:\n            return;\n", SYSTEM,
           "name client: a helper that cannot start is asked for again"),
    # --- relay/io/name_helper, and its sandbox ---
    mutant("withdrawn-query-without-an-answer", HELPER, "        end(request.query, NoAnswer{request.query, NameError::failed});\n", "",
           SYSTEM, "name helper: each query is answered once, also one that is withdrawn"),
    mutant("helper-takes-two-questions-of-one-name", HELPER, "if (!running_.emplace(query, 0).second)",
           "if (running_.emplace(query, 0).first->first != query)", SYSTEM, "name helper: what no exit says ends it"),
    mutant("helper-takes-any-message", HELPER, "        if (!request) throw std::runtime_error", "        if (!request) return true;\n        if (false) throw std::runtime_error",
           SYSTEM, "name helper: what no exit says ends it"),
    mutant("helper-opens-files", SANDBOX, "allowed_to_helper{\n", "allowed_to_helper{\n    \"open\", \"openat\",\n", SYSTEM,
           "narrow sandbox: no file can be opened, also none that all may read"),
    mutant("helper-signals-others", SANDBOX, "{equals(0, static_cast<scmp_datum_t>(::getpid()))}", "{}", SYSTEM,
           "narrow sandbox: no other process is reached, and none is started"),
    mutant("helper-makes-code", SANDBOX, "PROT_EXEC, 0}", "0, 0}", SYSTEM,
           "narrow sandbox: memory can be had, and none that can be run"),
    mutant("helper-opens-raw-sockets", SANDBOX, "{SOCK_DGRAM, SOCK_STREAM}", "{SOCK_DGRAM, SOCK_STREAM, SOCK_RAW}", SYSTEM,
           "narrow sandbox: sockets to ask with, and no others"),
    # --- the processes ---
    mutant("helper-without-a-filter", "relay/io/name_helper.cpp", "    node::process::enter_narrow_sandbox();\n", "", PROCESS, NO_KEY, PROGRAMS),
    mutant("ended-keeper-unsaid", HELPERS, "            log(Level::error, std::string{", "            if (false) log(Level::error, std::string{", PROCESS,
           "HelperProcess.test_3_the_process_is_replaced", PROGRAMS),
]

"""Mutants of the ways into the client."""
from mutant_list import CORE, PROGRAMS, SYSTEM, UNIT, mutant

DNS = "client/protocol/dns_message.cpp"
HTTP = "client/protocol/http_connect.cpp"
MALFORMED = "http: a malformed request gets status 400 and no target"
BAD_DNS = "dns: what is malformed, unknown or private is answered at once"
FORGOTTEN = "name map: the name unused for longest is forgotten, and its address rests"
MACHINE = "tests/system/whole_machine_test.py"
KNOCKS = "http: what a web page can make a browser send gets no answer at all"
ISOLATES = "http: isolation by Proxy-Authorization and by Tor's field"

MUTANTS = [
    mutant("http-head-without-a-bound", HTTP, "head_.size() == head_max", "head_.empty()", CORE, "http: a head has a bound"),
    mutant("http-answers-a-page-that-knocks", HTTP, 'if (!connects && !target.starts_with("http://")) return refuse_silently();',
           "", CORE, KNOCKS),
    mutant("http-answers-a-page-by-its-fields", HTTP, "if (base::is_page_field(name)) refuse_silently();",
           "static_cast<void>(base::is_page_field(name));", CORE, KNOCKS),
    mutant("http-request-with-content", HTTP,
           'if (equal_ignoring_case(name, "content-length") && value != "0") well = false;', "", CORE, MALFORMED),
    mutant("http-chunked-request", HTTP, 'if (equal_ignoring_case(name, "transfer-encoding")) well = false;', "",
           CORE, MALFORMED),
    mutant("http-field-twice", HTTP, "well = well && !into;", "", CORE, MALFORMED),
    mutant("http-line-ends-by-a-half", HTTP, "is_token(name) && is_field_value(value)",
           "is_token(name) && (is_field_value(value) || true)", CORE, MALFORMED),
    mutant("http-address-without-brackets", HTTP, "brackets != (address && address->v6) || ",
           "(brackets && !address) || ", CORE, MALFORMED),
    mutant("http-port-wraps", HTTP, "if (c < '0' || c > '9' || port > 65535) return false;",
           "if (c < '0' || c > '9') return false;", CORE, MALFORMED),
    mutant("http-private-target", HTTP, "if (!destination->is_public && !rules_.private_targets) return refuse(Reply::not_allowed);",
           "", CORE, "http: private targets are refused, outside of a lab"),
    mutant("http-reserved-user", HTTP, " || is_reserved_user(user)", "", CORE, MALFORMED),
    mutant("http-isolation-field-hides-credentials", HTTP, 'credentials.value_or(std::string{no_credentials})', 'std::string{no_credentials}', CORE, ISOLATES),
    mutant("isolation-by-credentials-against-the-rule", "client/protocol/isolation_rules.cpp",
           "if (!rules.by_credentials) credentials.reset();", "", CORE, ISOLATES),
    mutant("extended-error-unasked", "client/protocol/socks5.cpp", "extended ? reply : plain(reply)", "extended || true ? reply : plain(reply)",
           CORE, "socks5: why a stream was reset decides the reply"),
    # --- listeners ---
    mutant("user-of-a-unix-socket-does-not-isolate", "client/apps/listener.cpp", "rules.user = peer.uid;", ";",
           "tests/system/listeners_test.py", "Listeners.test_another_user_has_a_session_of_its_own", PROGRAMS),
    mutant("own-user-takes-a-session", "client/apps/listener.cpp", "peer.uid != ::geteuid()", "true",
           "tests/system/listeners_test.py", "Listeners.test_another_user_has_a_session_of_its_own", PROGRAMS),
    mutant("unix-socket-for-all", "client/apps/listener.cpp", "options_.all_users ? 0666 : 0600", "0666",
           "tests/system/listeners_test.py", "Listeners.test_who_may_connect", PROGRAMS),
    mutant("unix-bytes-unread-count-as-arrived", "sphinx/node/process/socket_end.cpp", "errno != EOPNOTSUPP", "true",
           SYSTEM, "unix sockets: bytes that the other side has not read are unsent"),
    mutant("remote-listener-unasked", "client/operation/config.cpp", "!config.allow_remote && is_remote(listener)",
           "!config.allow_remote && listener.path.size() > 1'000", UNIT, "client.yaml: what is wrong has its place"),
    # --- DNS ---
    mutant("dns-answers-a-response", DNS, "(flags & flag_response) != 0", "false", CORE, BAD_DNS),
    mutant("dns-dot-in-a-label", DNS, "if (std::ranges::find(label, '.') != label.end()) return std::nullopt;", "",
           CORE, BAD_DNS),
    mutant("dns-name-without-a-bound", DNS, "size > name_max", "size == 0", CORE, BAD_DNS),
    mutant("dns-private-reverse", DNS, "question.address && (private_targets || base::is_public(*question.address))",
           "question.address.has_value()", CORE, BAD_DNS),
    mutant("dns-private-answer", DNS, "!wanted || (!private_targets && !base::is_public(*address))",
           "!wanted || (!private_targets && address == nullptr)", CORE,
           "dns: an answer has the records of its type, public ones only"),
    mutant("dns-answer-beyond-its-bound", DNS, "out.size() + 12 + data.size() > most", "out.size() > most", CORE,
           "dns: an answer that does not fit is cut between records and says so"),
    mutant("dns-one-asker-takes-all", "client/apps/name_server.cpp", "known->second >= limits_.of_one_asker", "false",
           "tests/system/dns_test.py", "Dns.test_a_flood_is_bounded_and_others_are_answered", PROGRAMS),
    mutant("dns-connection-for-ever", "client/apps/name_server.cpp", "if (!error) socket->close(ignored);",
           "static_cast<void>(error);", "tests/system/dns_test.py", "Dns.test_slow_and_greedy_connections", PROGRAMS),
    # --- names and the transparent listener ---
    mutant("name-map-takes-any-rate", "client/protocol/name_map.cpp", "    if (!may_add(now)) return std::nullopt;\n",
           "    static_cast<void>(may_add(now));\n", CORE,
           "name map: new names are bounded in rate, and names that are known are not"),
    mutant("name-map-cares-for-spelling", "client/protocol/name_map.cpp", "const auto spelling = spelling_of(name);",
           "static_cast<void>(spelling_of); const std::string spelling{name};", CORE,
           "name map: a name has one address of the range, whatever its spelling"),
    mutant("name-map-forgets-names-in-use", "client/protocol/name_map.cpp",
           "    entries_.splice(entries_.end(), entries_, found->second);\n", "", CORE, FORGOTTEN),
    mutant("name-map-without-a-bound", "client/protocol/name_map.cpp", "entries_.size() >= names_max", "entries_.size() >= 2 * names_max",
           CORE, FORGOTTEN),
    mutant("name-map-gives-a-name-s-address-away", "client/protocol/name_map.cpp", "while (by_offset_.contains(next_))",
           "while (false)", CORE, FORGOTTEN),
    mutant("transparent-connection-to-itself", "client/apps/listener.cpp",
           "if (target == endpoint_of(own)) return std::nullopt;", "", MACHINE,
           "WholeMachine.test_a_connection_that_was_not_redirected_is_reset", PROGRAMS),
    mutant("mapped-address-asked-as-it-is", "client/apps/proxy.cpp", "host = {*name, true};", "static_cast<void>(name);",
           MACHINE, "WholeMachine.test_programs_without_a_proxy_setting", PROGRAMS),
    mutant("whole-machine-lets-other-packets-out", "deploy/whole-machine", "        counter reject\n", "        accept\n",
           MACHINE, "WholeMachine.test_what_cannot_go_through_goes_nowhere", PROGRAMS),
]

"""Mutants of the client's control socket, its status and its commands."""
from mutant_list import CORE, PROGRAMS, SYSTEM, UNIT, mutant

API = "client/protocol/api_protocol.cpp"
REPORT = "client/protocol/status_report.cpp"
REQUESTS = "api: requests"
REFUSED = "api: a request that is refused has JSON-RPC's codes, and a notification no answer"
RELAYS = "status: answers are one line and name relays as the document does"
TALK = "control socket: a conversation has any number of requests, and of lines for each"
CONTROL = "sphinx/node/process/control_socket.cpp"

KEYS = "status: isolation keys by the names that programs gave, and never a password"
LISTED = "status lists keys if asked, as many as asked, and those with the most streams"
COST = "status: the cost is the law's, and its use the programs'"
PAGE = "status: a page loads nothing, and what others named is text in it"
PEOPLE = "status: the text says what a person asks, a number with its noun in the right form"
ADVICE = "client/operation/advice.cpp"
TEXT = "client/operation/status_text.cpp"

# --- what others can do to an answer ---
ANSWERS = [
    mutant("terminal-obeys-a-user-name-in-json", "client/operation/control_client.cpp",
           ".dump(options.watch ? -1 : 2, ' ', true)", ".dump(options.watch ? -1 : 2)",
           "tests/system/interface_test.py", "Interface.test_status_for_people_names_the_keys_and_no_password", PROGRAMS),
    mutant("key-of-any-length-shown", REPORT, "words.name.substr(0, key_name_max)", "words.name", CORE,
           "status: names that programs chose do not fill the answer"),
    mutant("clock-of-a-far-year-overflows", REPORT, "ahead = Seconds{*clock.gateway_ahead}.count();",
           "ahead = base::to_seconds(*clock.gateway_ahead);", CORE, "status: a gateway's clock may be as far off as padding can say"),
]

# --- a client that begins again ---
AGAIN = [
    mutant("useless-document-ends-a-running-client", "client/daemon.cpp", "if (!again_) co_return fail(", "co_return fail(", SYSTEM,
           "client: one that begins again waits for a document with a gateway that it can use"),
    mutant("useless-document-used-again", "client/daemon.cpp", "random_, report_, true);", "random_, report_, false);", SYSTEM,
           "client: one that begins again waits for a document with a gateway that it can use"),
    mutant("useless-document-waited-with-at-a-start", "client/daemon.cpp", "if (!again_) co_return fail(",
           "if (false) co_return fail(", SYSTEM, "client: a start with a document that lists no gateway for it ends"),
    mutant("manager-told-of-an-end-that-is-none", "client/daemon.cpp",
           "    shutdown_.announce(false);  // the service goes on: a manager kills one that says that it stops\n", "",
           "tests/system/service_test.py", "Service.test_a_client_whose_document_ends_does_not_say_that_it_stops", PROGRAMS),
    mutant("first-signal-taken-for-the-second", "sphinx/node/process/shutdown.cpp",
           "if (std::exchange(signalled_, true)) {", "if (std::exchange(signalled_, true) || requested_) {", SYSTEM,
           "a first signal after a request does not cut the steps short"),
]

MUTANTS = [
    mutant("opened-listeners-not-listed", "client/daemon_answers.cpp", "status.listeners.push_back({one.way, one.address, true});",
           "static_cast<void>(one);", "tests/system/interface_test.py", "Interface.test_status_lists_those_that_are_open", PROGRAMS),
    mutant("opened-listeners-look-configured", TEXT, 'one["by_control_socket"] == true', 'one["by_control_socket"] == "yes"', CORE,
           "status: the text lists all ways in, and which of them were opened while it runs"),
    mutant("unknown-member-taken", API, 'return {{Code::invalid_request, "unknown member"}};', "continue;", CORE, REFUSED),
    mutant("longest-line-refused", API, "line.size() > line_max", "line.size() >= line_max", CORE, REQUESTS),
    mutant("id-without-a-bound", API, "text.size() <= id_max ?", "!text.empty() ?", CORE, REFUSED),
    mutant("id-that-is-no-whole-number", API, "id.is_number_integer()", "id.is_number()", CORE, REFUSED),
    mutant("notification-answered", API, "return answered ? fail(*id, code, reason) : base::Fail{std::string{}};",
           "return fail(*id, code, reason);", CORE, REFUSED),
    mutant("parameters-ignored", API, 'return params.empty() ? nullptr : "this', 'return params.is_structured() ? nullptr : "this',
           CORE, REFUSED),
    mutant("slots-lost-without-the-links", REPORT, "core.slots_lost + daemon.slots_unwritten", "core.slots_lost",
           CORE, RELAYS),
    mutant("relay-without-a-name-shown-as-nothing", REPORT, "relay != nullptr && !relay->name.empty()", "relay != nullptr",
           CORE, RELAYS),
    mutant("second-request-lost", CONTROL, "received.erase(0, std::get<1>(read));", "received.clear();", SYSTEM, TALK),
    mutant("asker-that-does-not-read-waited-for", CONTROL, "const Deadline deadline{connection, limits_.patience};", "",
           SYSTEM, TALK),
    # --- status ---
    mutant("password-shown", "client/protocol/isolation_rules.cpp", "take_text();  // the password", "", CORE, KEYS),
    mutant("keys-listed-without-a-bound", "client/core/isolation.cpp", "if (order.size() > most) order.resize(most);",
           "static_cast<void>(most);", CORE, LISTED),
    mutant("keys-listed-in-their-own-order", "client/core/isolation.cpp",
           "return entry->second.streams.use_count(); });", "return entry->second.streams.use_count() * 0; });", CORE, LISTED),
    mutant("cost-without-loops", REPORT, "law.main_slots.per_second() + law.client_loops.per_second()",
           "law.main_slots.per_second()", CORE, COST),
    mutant("goodput-over-all-time", "client/protocol/goodput.cpp", "while (samples_.size() > 2 &&", "while (samples_.empty() &&",
           CORE, "goodput: the average of the last minute, and of less at the start"),
    mutant("stage-done-anew-with-each-link", "client/protocol/stages.cpp", "if (ended_[i]) continue;", "", CORE,
           "stages: one runs at a time, with the time that it is likely to take"),
    mutant("page-with-markup-of-others", "sphinx/node/page/page.cpp", 'escaped(fact.name)', "fact.name", UNIT, PAGE),
    mutant("terminal-obeys-a-user-name", TEXT, "value.dump(-1, ' ', true, Json::error_handler_t::replace)",
           "value.dump(-1, ' ', false, Json::error_handler_t::replace)", UNIT, PEOPLE),
    mutant("suspend-named-for-ever", ADVICE, "situation.now - suspend->ended > suspend_shown", "false", UNIT,
           "advice: what is wrong while the link is up, the worst first"),
    mutant("gateway-gone-too-late", ADVICE, "away >= gateway_gone_after", "away > gateway_gone_after", UNIT,
           "advice: each state that a client cannot work in has a name and a mend"),
    mutant("progress-of-the-document-untold", "client/operation/bootstrap.cpp",
           "news.document_comes(part->offset + part->bytes.size(), part->total);", "static_cast<void>(news);", SYSTEM,
           "first document: fetched from a gateway when the stored one has expired"),
    mutant("upload-not-in-the-goodput", "client/apps/application.cpp", "carried_.up += count;", "",
           "tests/system/interface_test.py", "Interface.test_status_for_people_names_the_keys_and_no_password", PROGRAMS),
    # --- a new identity ---
    mutant("new-identity-for-credentials-alone", "client/core/identity.hpp", "(key.empty() && term > past_)",
           "(key.empty() && (term > past_ || past_ > 0))",
           CORE, "new identity: the next stream of each key gets another session, open ones stay"),
    mutant("new-identity-never-comes-back", "client/core/identity.hpp", "(key.empty() && term > past_)",
           "(key.empty() && term > past_ + 1'000'000)",
           CORE, "new identity: programs without a key come back when the shared session's exit is new"),
    mutant("new-identity-back-at-the-same-exit", "client/core/core_sessions.cpp", "turn.first = stays ? last->second.term : handle;",
           "turn.first = stays ? handle : handle;", CORE, "new identity: a shared session that has the same exit again is no new one"),
    mutant("new-identity-never-back-in-a-shared-session", "client/core/core_sessions.cpp",
           "last->second.session->exit() == exit->identity;", "exit->identity != base::NodeId{};", CORE,
           "new identity: a shared session that has the same exit again is no new one"),
    mutant("new-identity-shares-with-the-old-one", "client/core/core_sessions.cpp",
           "return keys.share(key, identity.of_now(takes_streams), clock);", "return keys.share(key, takes_streams, clock);",
           CORE, "new identity: without a place nothing changes; late keys share sessions of the new one"),
    mutant("new-identity-without-a-place", "client/core/core_sessions.cpp", "!plan_started || !plan.room_for_isolated()",
           "!plan_started", CORE,
           "new identity: without a place nothing changes; late keys share sessions of the new one"),
    mutant("median-is-the-mean-rank", "client/operation/ping_text.cpp", "quantile(round_trips, 0.5)",
           "quantile(round_trips, 0.7)", UNIT,
           "ping: the summary counts what was lost, and the histogram every answer"),
    # --- doctor ---
    mutant("doctor-misses-open-files", "client/operation/doctor.cpp", "if (!wrong.empty())", "if (wrong.size() > 10'000)",
           "tests/system/client_doctor_test.py", "Doctor.test_files_that_others_may_read_or_write", PROGRAMS),
    mutant("doctor-names-no-process", "client/operation/doctor_sockets.cpp", 'state != "0A"', 'state != "01"',
           "tests/system/client_doctor_test.py", "Doctor.test_a_port_that_another_program_has", PROGRAMS),
    mutant("doctor-finds-a-bad-thing-and-ends-well", "client/operation/doctor.cpp", "worst == State::bad ?", "json && !json ?",
           "tests/system/client_doctor_test.py", "Doctor.test_few_file_descriptors", PROGRAMS),
    # --- routes ---
    mutant("odds-of-the-first-relays-alone", "client/operation/odds.cpp", "return 2 + past / mean;", "return 1 + past / mean;",
           UNIT, "odds: as many clients that draw their relays have"),
    mutant("odds-of-one-exit", "client/operation/odds.cpp", "exits += relays_in_turn", "exits = relays_in_turn", UNIT,
           "odds: of relays that are kept now, and of those that take their place"),
] + AGAIN + ANSWERS

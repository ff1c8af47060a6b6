"""Mutants of the listeners that programs open while the client runs."""
from mutant_list import CORE, PROGRAMS, SYSTEM, UNIT, mutant

CONFIG = "client/operation/listener_config.cpp"
DAEMON = "client/daemon_listeners.cpp"
API = "client/operation/api.cpp"
PARAMETERS = "api: the parameters of open_listener and close_listener"
DESCRIBED = "open_listener: a listener is described as in client.yaml"
TEST = "tests/system/interface_test.py"
OWN, GO_ON, HELD, NAMES, BOUND = (
    f"Interface.test_{name}" for name in (
        "own_sessions_for_each_listener", "connections_go_on_when_the_listener_is_closed",
        "one_that_lasts_as_long_as_its_connection", "names_are_answered", "no_more_than_there_may_be"))

MUTANTS = [
    mutant("remote-listener-opened", CONFIG, "!allow_remote && is_remote(options)", "!allow_remote && options.number > 0", UNIT,
           DESCRIBED),
    mutant("relative-socket-opened", CONFIG, "!fs::path{options.path}.is_absolute()", "options.path == \"/\"", UNIT, DESCRIBED),
    mutant("listener-asked-for-in-ascii", "client/protocol/api_protocol.cpp", "request.listener = params.dump();",
           "request.listener = params.dump(-1, ' ', true);", CORE, PARAMETERS),
    mutant("listener-closed-by-any-parameters", "client/protocol/api_protocol.cpp", "params.is_object() && params.size() == 1",
           "params.is_object()", CORE, PARAMETERS),
    mutant("listener-closed-and-still-open", "client/apps/proxy.cpp", "(*found)->close();", "", TEST, GO_ON, PROGRAMS),
    mutant("key-of-the-listener-before", "client/apps/listener.cpp", "protocol::name_in_keys(address_, options_.number)",
           "address_", TEST, OWN, PROGRAMS),
    mutant("listeners-without-a-bound", DAEMON, "proxy_.listeners() >= operation::listeners_max",
           "proxy_.listeners() >= 10 * operation::listeners_max", TEST, BOUND, PROGRAMS),
    mutant("listener-outlives-its-connection", API, "api.answers_.close_listener(number);", "static_cast<void>(number);", TEST,
           HELD, PROGRAMS),
    mutant("listeners-hold-all-connections", API, "held_listeners_max = 4;", "held_listeners_max = 400;", TEST, HELD, PROGRAMS),
    mutant("names-from-another-range", DAEMON, "*options.map != *names_range_", "*options.map < base::IpNetwork{}", TEST, NAMES,
           PROGRAMS),
    mutant("listener-lost-when-the-client-begins-again", DAEMON, "if (!passing) config_.opened", "if (passing) config_.opened", SYSTEM,
           "client: a document that expires ends no client: it begins again with the next one"),
]

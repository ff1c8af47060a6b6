"""Mutants of UDP ASSOCIATE for DNS, and of the link for Telegram."""
from mutant_list import CORE, PROGRAMS, mutant

UDP = "client/protocol/socks5_udp.cpp"
TELEGRAM = "client/protocol/telegram.cpp"
WHOLE = "socks5 datagrams: what is not whole or not for port 53 is dropped"
LOOKUPS = "tests/system/lookup_test.py"
HEADER = "socks5 datagrams: the header ends where its address says, the rest is the message"

MUTANTS = [
    mutant("associate-takes-any-port", UDP, "if (port != dns_port) return std::nullopt;", "static_cast<void>(port);", CORE, WHOLE),
    mutant("associate-takes-fragments", UDP, " || bytes[2] != 0)", ")", CORE, WHOLE),
    mutant("associate-takes-an-unknown-type", UDP, "if (length == 0 || ", "if (", CORE, WHOLE),
    mutant("associate-header-of-a-name", UDP, "return std::size_t{1} + first;", "return first;", CORE, HEADER),
    mutant("associate-has-a-target", "client/protocol/socks5.cpp", "    if (associates_) {", "    if (associates_ && type == type_ipv4) {",
           CORE, "socks5: UDP ASSOCIATE is asked whatever it names, with a key and without a target"),
    mutant("associate-without-a-bound", "client/apps/association.cpp", "} else if (associations_ >= limits_.associations) {",
           "} else if (associations_ > 2 * limits_.associations) {", LOOKUPS, "Lookups.test_associations_are_bounded", PROGRAMS),
    mutant("associate-forgets-the-port", "client/protocol/socks5.cpp", "association_port_ = port;", "static_cast<void>(port);",
           CORE, "socks5: UDP ASSOCIATE is asked whatever it names, with a key and without a target"),
    mutant("associate-serves-who-asks-first", "client/apps/association.cpp", "{*other, application->handshake.association_port()}",
           "{*other, 0}", LOOKUPS,
           "Lookups.test_an_association_serves_the_port_that_was_named_though_another_asks_first", PROGRAMS),
    mutant("associate-serves-another-port", "client/apps/association.cpp",
           "if (peer.port() != 0 && from.port() != peer.port()) continue;", "", LOOKUPS,
           "Lookups.test_an_association_answers_questions_and_drops_the_rest", PROGRAMS),
    mutant("telegram-names-a-port-of-chance", TELEGRAM, "listener.path.empty() &&\n           listener.endpoint.port != 0;",
           "listener.path.empty();", CORE, "telegram: the link names the first proxy port that a program can connect to"),
]

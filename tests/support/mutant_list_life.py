"""Mutants of what a client does while its network, its disk or its clock fails."""
from mutant_list import PROGRAMS, mutant

LIFE = "tests/system/life_network_test.py"
AWAY = "LifeNetwork.test_1_the_gateway_is_away_and_then_the_family_of_its_address"

MUTANTS = [
    mutant("client-asks-elsewhere-whether-it-is-online", "client/daemon.cpp",
           "    report_.link_down(why, node::process::mono_now());",
           "    report_.link_down(why, node::process::mono_now());\n"
           "    boost::system::error_code ignored;\n"
           "    asio::ip::udp::socket{context_, asio::ip::udp::v4()}.send_to(\n"
           '        asio::buffer("x", 1), {asio::ip::make_address("203.0.113.9"), 53}, 0, ignored);',
           LIFE, AWAY, PROGRAMS),
]

#include "relay/core/exit_policy.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

using namespace nightjar;
using namespace nightjar::base;
using namespace nightjar::relay::core;

namespace {

std::vector<ExitRule> rules(std::initializer_list<const char*> texts) {
    std::vector<ExitRule> list;
    for (const auto* text : texts) {
        auto rule = ExitRule::parse(text);
        REQUIRE_MESSAGE(rule.has_value(), text);
        list.push_back(*rule);
    }
    return list;
}

IpEndpoint at(const char* address, int port) {
    const auto parsed = IpAddress::parse(address);
    REQUIRE_MESSAGE(parsed.has_value(), address);
    return {*parsed, static_cast<std::uint16_t>(port)};
}

ExitPolicy policy(std::initializer_list<const char*> texts, ExitPolicyOptions options = {}) {
    return ExitPolicy{rules(texts), std::move(options)};
}

}  // namespace

TEST_CASE("exit policy: literals are strict") {
    for (const auto* text : {"192.0.2.1", "::", "::1", "2001:db8::1", "::ffff:10.0.0.1"})
        CHECK_MESSAGE(IpAddress::parse(text).has_value(), text);
    for (const auto* text : {"", "1", "127.1", "0x7f.0.0.1", "010.0.0.1", "1.2.3.4.5", "256.1.1.1",
                             "1.2.3.4 ", "fe80::1%eth0", "[::1]", "::1::", "1:2:3:4:5:6:7:8:9"})
        CHECK_MESSAGE(!IpAddress::parse(text).has_value(), text);
    CHECK(!IpAddress::parse(std::string_view{"1.2.3.4\0.evil", 13}).has_value());
}

TEST_CASE("exit policy: a network contains exactly its prefix") {
    struct Case {
        const char* network;
        int prefix;
        const char* address;
        bool inside;
    };
    for (const auto& c : std::vector<Case>{{"10.0.0.0", 8, "10.255.255.255", true},
                                           {"10.0.0.0", 8, "11.0.0.0", false},
                                           {"172.16.0.0", 12, "172.31.255.255", true},
                                           {"172.16.0.0", 12, "172.32.0.0", false},
                                           {"1.2.3.4", 32, "1.2.3.4", true},
                                           {"1.2.3.4", 32, "1.2.3.5", false},
                                           {"0.0.0.0", 0, "255.1.1.1", true},
                                           {"0.0.0.0", 0, "::1", false},
                                           {"fc00::", 7, "fdff::1", true},
                                           {"fc00::", 7, "fe00::", false},
                                           {"2001:db8::", 127, "2001:db8::1", true},
                                           {"2001:db8::", 127, "2001:db8::2", false}}) {
        const IpNetwork network{IpAddress::parse(c.network).value(), c.prefix};
        CHECK_MESSAGE(network.contains(IpAddress::parse(c.address).value()) == c.inside, c.network,
                      "/", c.prefix, " ", c.address);
    }
}

TEST_CASE("exit policy: what is not public, or hides another address, is never a target") {
    const auto open = policy({"accept *:*"});
    for (const auto* text : {"0.0.0.0",
                             "0.1.2.3",
                             "10.0.0.1",
                             "100.64.0.1",
                             "127.0.0.1",
                             "127.255.255.254",
                             "169.254.169.254",
                             "172.16.0.1",
                             "172.31.9.9",
                             "192.0.0.1",
                             "192.0.2.1",
                             "192.88.99.1",
                             "192.168.1.1",
                             "198.18.0.1",
                             "198.51.100.1",
                             "203.0.113.1",
                             "224.0.0.1",
                             "239.255.255.255",
                             "240.0.0.1",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "::8.8.8.8",
                             "::ffff:10.0.0.1",
                             "::ffff:8.8.8.8",
                             "64:ff9b::a00:1",
                             "64:ff9b::808:808",
                             "64:ff9b:1::1",
                             "100::1",
                             "2001::1",
                             "2001:0:4136:e378::1",
                             "2001:db8::1",
                             "2002:a00:1::1",
                             "2002:808:808::1",
                             "3fff::1",
                             "fc00::1",
                             "fd12:3456::1",
                             "fe80::1",
                             "fec0::1",
                             "ff02::1",
                             "ff0e::1",
                             "168.63.129.16",
                             "2606:4700::5efe:808:808",
                             "2606:4700::200:5efe:808:808"})
        CHECK_MESSAGE(!open.allows(at(text, 80)), text);
    for (const auto* text :
         {"8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255",
          "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888",
          "168.63.129.15", "168.63.129.17", "2606:4700::100:5efe:808:808",
          "2606:4700::1:5efe:808:808", "2606:4700::5eff:808:808"})
        CHECK_MESSAGE(open.allows(at(text, 80)), text);
    CHECK(!open.allows(at("8.8.8.8", 0)));
}

TEST_CASE("exit policy: the relay's own addresses are never a target") {
    const auto own = policy({"accept *:*"}, {{at("8.8.8.8", 9001)}, false});
    CHECK(!own.allows(at("8.8.8.8", 9001)));
    CHECK(!own.allows(at("8.8.8.8", 80)));
    CHECK(own.allows(at("8.8.4.4", 9001)));
}

TEST_CASE("exit policy: a lab's loopback is left to the rules, but for the relay's own ports") {
    const ExitPolicyOptions lab{{at("127.0.0.1", 9001)}, true};
    const auto open = policy({"accept 127.0.0.0/8:8000-8999", "accept [::1]:80"}, lab);
    CHECK(open.allows(at("127.0.0.1", 8080)));
    CHECK(open.allows(at("::1", 80)));
    CHECK(!open.allows(at("::1", 81)));
    CHECK(!open.allows(at("127.0.0.1", 9001)));
    CHECK(!policy({"accept *:*"}, lab).allows(at("127.0.0.1", 9001)));
    CHECK(policy({"accept *:*"}, lab).allows(at("127.0.0.1", 9002)));
    // A lab network allows loopback in addition, and nothing else.
    CHECK(!policy({"accept *:*"}, lab).allows(at("10.0.0.1", 80)));
    CHECK(!policy({"accept *:*"}, lab).allows(at("::ffff:127.0.0.1", 80)));
}

TEST_CASE("exit policy: the first rule that matches wins, none rejects") {
    const auto mixed = policy({"reject 8.8.8.0/24:*", "accept *:443", "reject6 *:80", "accept *:80",
                               "accept [2606:4700::]/32:25"});
    CHECK(!mixed.allows(at("8.8.8.8", 443)));
    CHECK(mixed.allows(at("8.8.9.8", 443)));
    CHECK(mixed.allows(at("8.8.9.8", 80)));
    CHECK(!mixed.allows(at("2606:4700::1", 80)));
    CHECK(mixed.allows(at("2606:4700::1", 443)));
    CHECK(mixed.allows(at("2606:4700::1", 25)));
    CHECK(!mixed.allows(at("8.8.9.8", 25)));
    CHECK(!policy({}).allows(at("8.8.9.8", 443)));
    CHECK(!ExitPolicy{}.allows(at("8.8.9.8", 443)));
    CHECK(!policy({}).is_exit());
    CHECK(!policy({"reject *:*"}).is_exit());
    CHECK(mixed.is_exit());
}

TEST_CASE("exit policy: what 'private' stands for") {
    const auto rule = rules({"reject private:*"}).front();
    for (const auto* text :
         {"0.255.255.255", "10.255.255.255", "127.255.255.255", "169.254.255.255", "172.31.255.255",
          "192.168.255.255", "fdff::1", "febf::1", "feff::1", "ffff::1", "::", "::1"})
        CHECK_MESSAGE(rule.matches(at(text, 80)), text);
    for (const auto* text : {"1.0.0.0", "9.255.255.255", "11.0.0.0", "126.255.255.255", "128.0.0.0",
                             "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
                             "192.167.255.255", "192.169.0.0", "fbff::1", "fe7f::1", "::2"})
        CHECK_MESSAGE(!rule.matches(at(text, 80)), text);
}

TEST_CASE("exit policy: the grammar") {
    for (const auto* text :
         {"accept *:80", "reject *:*", "accept *4:80-90", "accept *6:443", "reject private:*",
          "accept 1.2.3.4", "accept 1.2.3.0/24:1-65535", "accept [2606:4700::]/32:443",
          "accept [2606:4700::1]", "accept6 *:80", "reject6 [2606:4700::1]:80", "accept *"})
        CHECK_MESSAGE(ExitRule::parse(text).has_value(), text);
    for (const auto* text : {"",
                             "accept",
                             "accept ",
                             "allow *:80",
                             "accept  *:80",
                             "accept *:80 ",
                             "accept *:0",
                             "accept *:65536",
                             "accept *:90-80",
                             "accept *:",
                             "accept *:-",
                             "accept *:80-",
                             "accept *:+80",
                             "accept 1.2.3.4/33:80",
                             "accept 1.2.3.4/-1:80",
                             "accept 1.2.3/24:80",
                             "accept 2606:4700::1:80",
                             "accept [1.2.3.4]:80",
                             "accept [::1:80",
                             "accept6 1.2.3.4:80",
                             "accept [2606::]/129:80",
                             "ACCEPT *:80",
                             "accept\t*:80",
                             "accept example.org:80",
                             "accept *5:80"})
        CHECK_MESSAGE(!ExitRule::parse(text).has_value(), text);
}

TEST_CASE("exit policy: the summary that clients read") {
    struct Case {
        std::vector<ExitRule> rules;
        std::string summary;
    };
    for (const auto& c : std::vector<Case>{
             {rules({}), ""},
             {rules({"reject *:*"}), ""},
             {rules({"accept *:80", "accept *:443"}), "accept 80,443"},
             {rules({"accept *:*"}), "accept 1-65535"},
             {rules({"reject *:25", "accept *:*"}), "accept 1-24,26-65535"},
             {rules({"reject 10.0.0.0/8:25", "accept *:20-30"}), "accept 20-30"},
             {rules({"accept 127.0.0.0/8:8000-8001", "reject *:*"}), "accept 8000-8001"},
             {rules({"reject *4:*", "accept *:80"}), "accept 80"},
             {rules({"reject *4:*", "reject *6:*", "accept *:80"}), ""},
             {rules({"reject *6:*", "accept [2a00::]/16:80", "accept 9.9.9.0/24:81"}),
              "accept 81"}})
        CHECK(policy_summary(c.rules) == c.summary);
}

TEST_CASE("exit policy: the host's addresses and its links are never a target") {
    ExitPolicyOptions options;
    options.host = {{IpAddress::parse("5.9.1.20").value(), 26},
                    {IpAddress::parse("2a01:4f8:1:2::5").value(), 64}};
    auto one = policy({"accept *:*"}, options);
    for (const auto* text :
         {"5.9.1.20", "5.9.1.0", "5.9.1.63", "2a01:4f8:1:2::5", "2a01:4f8:1:2:ffff::1"})
        CHECK_MESSAGE(!one.allows(at(text, 80)), text);
    for (const auto* text : {"5.9.1.64", "5.9.0.255", "2a01:4f8:1:3::5"})
        CHECK_MESSAGE(one.allows(at(text, 80)), text);
    one.use_host({{IpAddress::parse("5.9.1.64").value(), 32}});
    CHECK(!one.allows(at("5.9.1.64", 80)));
    CHECK(one.allows(at("5.9.1.20", 80)));
}

TEST_CASE("exit policy: the relay's own servers are refused at their ports, in a lab too") {
    auto one = policy({"accept *:*"});
    one.use_servers({at("9.9.9.9", 53)});
    CHECK(!one.allows(at("9.9.9.9", 53)));
    CHECK(one.allows(at("9.9.9.9", 443)));
    ExitPolicyOptions options;
    options.allow_loopback = true;
    options.host = {{IpAddress::parse("127.0.0.1").value(), 8}};
    auto lab = policy({"accept *:*"}, options);
    lab.use_servers({at("127.0.0.1", 53)});
    CHECK(!lab.allows(at("127.0.0.1", 53)));
    CHECK(lab.allows(at("127.0.0.1", 80)));
}

#include "client/protocol/dns_message.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace nightjar;
using namespace nightjar::client::protocol::dns;
using client::protocol::socks5::Reply;
using stream::NameRecord;

namespace {

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values)
        text.push_back(static_cast<char>(value));
    return text;
}

/// "a.bc" as labels.
std::string labels(std::string name) {
    std::string out;
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        out += static_cast<char>(label.size()) + label;
        name.erase(0, label.size() + 1);
    }
    return out + '\0';
}

std::string query(const std::string& name, int type, int klass = 1, int flags = 1,
                  int questions = 1) {
    return bytes({0xab, 0xcd, flags, 0, 0, questions, 0, 0, 0, 0, 0, 0}) + name +
           bytes({0, type, 0, klass});
}

Query read(const std::string& message, bool private_targets = false) {
    return read_query(base::as_bytes(message), private_targets);
}

/// The code of an answer without a question behind it, or -1 if there is no answer.
int refusal(const std::string& message) {
    const auto result = read(message);
    CHECK(!result.question);
    if (result.answer.empty()) return -1;
    REQUIRE(result.answer.size() >= 12);
    CHECK(result.answer[0] == 0xab);
    CHECK((result.answer[2] & 0x80) != 0);
    return result.answer[3] & 0x0f;
}

NameRecord address(const char* text, std::uint32_t ttl = 60) {
    return {base::IpAddress::parse(text).value(), ttl};
}

}  // namespace

TEST_CASE("dns: questions that are asked") {
    const auto a = read(query(labels("A.example"), 1));
    REQUIRE(a.question);
    CHECK(a.question->target() == stream::Target{"a.example", 0});
    CHECK(a.question->recursion_desired);
    CHECK(read(query(labels("a.b"), 28)).question->type == Type::aaaa);
    const auto v4 = read(query(labels("4.3.2.1.in-addr.ARPA"), 12));
    CHECK(v4.question->target() == stream::Target{"1.2.3.4", 0});
    std::string nibbles;
    for (int i = 0; i < 24; ++i)
        nibbles += "0.";
    const auto v6 = read(query(labels("1" + nibbles.substr(1) + "0.0.7.4.6.0.6.2.ip6.arpa"), 12));
    REQUIRE(v6.question);
    CHECK(v6.question->target() == stream::Target{"2606:4700::1", 0});
    // EDNS and whatever else follows does not matter.
    CHECK(read(query(labels("a.b"), 1) + bytes({0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0})).question);
}

TEST_CASE("dns: what is malformed, unknown or private is answered at once") {
    const auto name = labels("a.b");
    CHECK(refusal(query(name, 1).substr(0, 11)) == -1);
    CHECK(refusal("") == -1);
    CHECK(refusal(query(name, 1, 1, 0x81)) == -1);  // a response
    CHECK(refusal(query(name, 1, 1, 0x09)) == 4);   // another operation
    CHECK(refusal(query(name, 1, 1, 1, 0)) == 1);
    CHECK(refusal(query(name, 1, 1, 1, 2)) == 1);
    CHECK(refusal(query(name, 1).substr(0, 20)) == 1);
    CHECK(refusal(query(bytes({0xc0, 12}), 1)) == 1);  // a pointer to itself
    CHECK(refusal(query(bytes({64}) + std::string(64, 'x') + '\0', 1)) == 1);
    CHECK(refusal(query(bytes({3}) + "a.b" + '\0', 1)) == 1);  // a dot in a label
    std::string longest;
    for (int i = 0; i < 4; ++i)
        longest += labels(std::string(63, 'x')).substr(0, 64);
    CHECK(refusal(query(longest + '\0', 1)) == 1);  // 257 bytes
    CHECK(refusal(query(name, 1) + std::string(query_max, '\0')) == 1);
    auto with_answer = query(name, 1);
    with_answer[7] = 1;
    CHECK(refusal(with_answer) == 1);
    for (const int type : {2, 5, 6, 15, 16, 33, 65, 255})
        CHECK(refusal(query(name, type)) == 4);
    CHECK(refusal(query(name, 1, 3)) == 4);  // class CHAOS
    for (const char* text : {"localhost", "a.LOCALHOST", "1.2.3.4", "127.1", "a b", "sp\xc3\xa9"})
        CHECK(refusal(query(labels(text), 1)) == 3);
    CHECK(refusal(query(bytes({0}), 1)) == 3);  // the root
    for (const char* text :
         {"1.0.0.10.in-addr.arpa", "1.0.0.127.in-addr.arpa", "1.2.3.in-addr.arpa", "a.b",
          "5.4.3.2.1.in-addr.arpa", "256.1.1.1.in-addr.arpa", "x.1.1.1.in-addr.arpa",
          "1.2.ip6.arpa", "in-addr.arpa"})
        CHECK(refusal(query(labels(text), 12)) == 3);
    CHECK(read(query(labels("localhost"), 1), true).question);
    CHECK(read(query(labels("1.0.0.10.in-addr.arpa"), 12), true).question);
}

TEST_CASE("dns: an answer has the records of its type, public ones only") {
    const NameRecord records[] = {address("2606:4700::1"), address("1.2.3.4", 100'000),
                                  address("10.0.0.1"), address("5.6.7.8")};
    const auto asked = query(labels("a.b"), 1);
    const auto question = *read(asked).question;
    const auto said = answer(question, records, false, udp_answer_max);
    const auto expected = bytes({0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0}) +
                          asked.substr(12) +
                          bytes({0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 1, 2, 3, 4}) +
                          bytes({0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 5, 6, 7, 8});
    CHECK(base::to_hex(said) == base::to_hex(base::as_bytes(expected)));
    CHECK(answer(question, records, true, udp_answer_max)[7] == 3);
    const auto v6 = *read(query(labels("a.b"), 28)).question;
    CHECK(answer(v6, records, false, udp_answer_max)[7] == 1);
    CHECK(answer(v6, std::span{records}.subspan(1), false, udp_answer_max)[7] == 0);

    const NameRecord name{std::string{"c.d."}, 0};
    const auto ptr = *read(query(labels("4.3.2.1.in-addr.arpa"), 12)).question;
    const auto named = answer(ptr, {&name, 1}, false, udp_answer_max);
    CHECK(std::string{base::as_text(named)}.ends_with(bytes({0, 0, 0, 0, 0, 5}) + labels("c.d")));
    CHECK(answer(question, {&name, 1}, false, udp_answer_max)[7] == 0);
}

TEST_CASE("dns: an answer that does not fit is cut between records and says so") {
    std::vector<NameRecord> records(stream::records_max, address("2606:4700::1"));
    const auto question = *read(query(labels("a.b"), 28)).question;
    const auto cut = answer(question, records, false, udp_answer_max);
    CHECK(cut.size() <= udp_answer_max);
    CHECK(cut.size() == 12 + question.section.size() + 28u * cut[7]);
    CHECK((cut[2] & 2) != 0);
    const auto whole = answer(question, records, false, tcp_answer_max);
    CHECK(whole[7] == stream::records_max);
    CHECK((whole[2] & 2) == 0);
}

TEST_CASE("dns: a failure repeats the question and has its code") {
    const auto asked = query(labels("A.b"), 1);
    const auto question = *read(asked).question;
    const auto said = failure(question, code_for(Reply::unresolved));
    const auto expected =
        bytes({0xab, 0xcd, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0}) + asked.substr(12);
    CHECK(base::to_hex(said) == base::to_hex(base::as_bytes(expected)));
    CHECK(code_for(Reply::refused_by_exit) == Code::refused);
    CHECK(code_for(Reply::ttl_expired) == Code::server_failure);
    CHECK(code_for(Reply::overloaded) == Code::server_failure);
}

#include "sphinx/directory/packed.hpp"

#include <doctest/doctest.h>

#include "sphinx/directory/gzip.hpp"
#include "sphinx/directory/signature.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

/// The documents of epochs that follow each other, and a gateway's forms of the newest.
struct Given {
    Given() {
        document = test::make_network(1, {.mixes_per_layer = 20}).document;
        packed.use(current());
    }
    SignedDocument current() const {
        return {std::make_shared<const Document>(document),
                std::make_shared<const std::string>(to_text(document))};
    }
    void turn(std::uint32_t epochs = 1) {
        document.epoch.value += epochs;
        for (auto& relay : document.relays) {
            relay.mix_key = relay.next_mix_key;
            relay.next_mix_key = random.id<base::MixKey>();
        }
        document.signatures.clear();
        sign(document, base::Secret<32>{});
        packed.use(current());
    }
    /// What a client makes of the answer if it has `held`.
    std::string made(const Document* held) const {
        const auto answer = packed.answer(held != nullptr ? held->epoch : base::Epoch{0});
        REQUIRE(answer.bytes != nullptr);
        CHECK(answer.epoch == document.epoch);
        const auto text = unpack(*answer.bytes, held);
        return text ? *text : text.error();
    }

    bool diff_for(std::uint32_t epoch) const { return is_diff(*packed.answer({epoch}).bytes); }

    base::SeededRandom random{11};
    Document document;
    PackedDocuments packed;
};

}  // namespace

TEST_CASE("packed: a client gets what it has not, as a diff if it has the document before") {
    Given given;
    const auto first = given.document;
    CHECK(given.packed.answer(first.epoch).bytes == nullptr);
    CHECK(given.packed.answer(first.epoch.next()).bytes == nullptr);
    CHECK_FALSE(given.diff_for(first.epoch.value - 1));
    CHECK(given.made(nullptr) == to_text(first));

    given.turn();
    const auto second = given.document;
    CHECK(given.diff_for(first.epoch.value));
    CHECK(given.made(&first) == to_text(second));
    CHECK_FALSE(given.diff_for(first.epoch.value - 1));
    CHECK_FALSE(given.diff_for(0));
    CHECK(given.made(nullptr) == to_text(second));

    given.turn(3);  // a gateway that was away: its own document before counts
    CHECK(given.diff_for(second.epoch.value));
    CHECK(given.made(&second) == to_text(given.document));
    CHECK_FALSE(given.diff_for(first.epoch.value));
    CHECK_FALSE(given.diff_for(second.epoch.value + 1));
    CHECK(given.made(&first) == to_text(given.document));
}

TEST_CASE("packed: a document costs a gateway's slots half as much, and a diff a seventh") {
    Given given;
    const auto first = given.document;
    given.turn();
    const auto text = to_text(given.document).size();
    const auto whole = given.packed.answer({0}).bytes->size();
    const auto diff = given.packed.answer(first.epoch).bytes->size();
    CHECK(whole < text / 2);
    CHECK(diff < text / 7);
    CHECK(diff < whole / 3);
}

TEST_CASE("packed: a diff that saves nothing is not given") {
    Given given;
    const auto before = given.current();
    auto newer = given.document;
    newer.epoch = newer.epoch.next();
    const std::string text = "a text that has nothing of the one before\n";
    REQUIRE(pack_diff(*before.text, text).size() > pack(text).size());
    given.packed.use(
        {std::make_shared<const Document>(newer), std::make_shared<const std::string>(text)});
    CHECK_FALSE(given.diff_for(given.document.epoch.value));
}

TEST_CASE("packed, faults 40: what is packed is unpacked to at most a document's size") {
    const auto why = [](const base::Result<std::string, std::string>& made) {
        return made ? "a text" : made.error();
    };
    const auto says = [&](std::string_view packed, const Document* held, const char* words) {
        CHECK_MESSAGE(why(unpack(packed, held)).find(words) != std::string::npos,
                      why(unpack(packed, held)));
    };
    const std::string largest(document_text_max, 'x');
    CHECK(unpack(pack(largest), nullptr).value() == largest);
    const auto bomb = pack(std::string(100 * document_text_max, 'x'));
    says(bomb, nullptr, "at most 1 MiB");
    says("", nullptr, "no known form");
    says("\3" + gzip("text"), nullptr, "no known form");
    says("\1text", nullptr, "no gzip stream");

    Given given;
    const auto held = given.document;
    auto newer = held;
    newer.epoch = newer.epoch.next();
    const auto diff = pack_diff(to_text(held), to_text(newer));
    CHECK(unpack(diff, &held).value() == to_text(newer));
    says(diff, nullptr, "none was asked for");
    says(diff, &newer, "of another document");
    says("\2" + bomb.substr(1), &held, "at most 1 MiB");
    says("\2" + gzip(to_text(newer)), &held, "in line 1");
}

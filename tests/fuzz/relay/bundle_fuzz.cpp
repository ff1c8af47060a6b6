// Any bytes as another authority's answer: refused, or the one encoding of a bundle. The same bytes
// as a list and as a stored chain. What parses goes to an authority, which must survive it.
#include "relay/authority/core/bundle.hpp"

#include <algorithm>
#include <cstdlib>

#include "relay/authority/core/chain.hpp"
#include "relay/authority/core/driver.hpp"
#include "sphinx/directory/signature.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

fuzz::Depth parsed{"a bundle"};
fuzz::Depth voted{"a bundle with a message"};
fuzz::Depth certified{"a bundle with a certificate"};
fuzz::Depth listed{"a bundle with a listing"};
fuzz::Depth described{"a bundle with a descriptor"};
fuzz::Depth admitted{"a list of relays"};
fuzz::Depth unreachable{"a list with a relay out of reach"};
fuzz::Depth chained{"a chain"};

class NoDisk final : public Disk {
 public:
    void put(const std::string&, base::ByteView) override {}
    std::optional<base::Bytes> get(const std::string&) const override { return std::nullopt; }
    std::vector<std::string> names() const override { return {}; }
    void remove(const std::string&) override {}
};

const base::Secret<32>& seed() {
    static const base::Secret<32> zeros;
    return zeros;
}

Council make_council() {
    directory::Anchors anchors;
    anchors.network = "test";
    anchors.authorities = {directory::sign_text({}, seed()).authority};
    return Council::of(anchors);
}

void give(const Bundle& bundle) {
    static const auto council = make_council();
    static const Signer signer{council, seed().copy()};
    static Terms terms;
    static NoDisk disk;
    const Moment now{base::Wall{base::Seconds{3600}}, base::Mono{}};
    Driver driver{{&council, &signer, &seed(), &terms, &disk}, now};
    driver.admit({}, now);
    driver.receive(bundle, now);
    driver.pass(now);
    require(parse_bundle(encode(driver.bundle())).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView bytes{data, size};
    if (const auto list = parse_admissions(bytes)) {
        require(std::ranges::equal(encode(*list), bytes));
        if (!list->empty()) admitted.reach();
        if (std::ranges::any_of(*list, &Admission::unreachable)) unreachable.reach();
    }
    if (const auto chain = parse_chain(bytes)) {
        require(std::ranges::equal(encode(*chain), bytes));
        chained.reach();
    }
    const auto bundle = parse_bundle(bytes);
    if (!bundle) return 0;
    require(std::ranges::equal(encode(*bundle), bytes));
    parsed.reach();
    for (const auto& item : *bundle) {
        if (std::holds_alternative<Message>(item)) voted.reach();
        if (std::holds_alternative<Certificate>(item)) certified.reach();
        if (std::holds_alternative<SentListing>(item)) listed.reach();
        if (std::holds_alternative<SentDescriptor>(item)) described.reach();
    }
    give(*bundle);
    return 0;
}

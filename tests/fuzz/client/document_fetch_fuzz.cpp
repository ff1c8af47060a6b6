// A client that fetches documents from hostile gateways, its own and another one. Each operation
// of the input is an answer, a request, a link's end or time that passes. Whatever a gateway sends,
// the client takes only what its authorities have signed, none that is older, and waits no longer
// than its patience.
#include "client/protocol/document_fetch.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "sphinx/base/codec.hpp"
#include "sphinx/directory/gzip.hpp"
#include "sphinx/directory/packed.hpp"
#include "sphinx/directory/quorum.hpp"
#include "tests/fuzz/depth.hpp"
#include "tests/support/networks.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using client::protocol::DocumentFetch;

namespace {

fuzz::Depth in_parts{"a document in several parts"};
fuzz::Depth by_diff{"a document by a diff"};
fuzz::Depth useless_diff{"the whole document asked for after a diff of no use"};
fuzz::Depth forged{"a document without a signature"};
fuzz::Depth older{"a document that is older than the held one"};
fuzz::Depth twin{"another document of the held one's epoch"};
fuzz::Depth out_of_order{"a part that ended a fetch"};
fuzz::Depth not_unpacked{"a whole that cannot be unpacked"};
fuzz::Depth overdue{"a fetch past its time"};
fuzz::Depth cut{"a link that ended between two parts"};
fuzz::Depth began_anew{"a request between two parts"};
fuzz::Depth from_another{"a document from another gateway"};
fuzz::Depth malformed{"a cell that closes the link"};

using DocumentRef = std::shared_ptr<const directory::Document>;

/// What gateways hand out: documents of three epochs, two of the middle one, and forgeries.
struct Library {
    directory::Anchors anchors;
    DocumentRef first;
    std::vector<std::string> packed;
    std::vector<base::Epoch> epochs;
    std::set<std::string> signed_texts;

    Library() {
        auto network = test::make_network(1, {.mixes_per_layer = 8});
        anchors = network.anchors;
        const auto make = [&](std::uint32_t later, std::uint32_t capacity) {
            auto document = network.document;
            document.epoch.value += later;
            document.relays.front().capacity = capacity;
            document.signatures.clear();
            directory::sign(document, network.authorities.front());
            signed_texts.insert(directory::to_text(document));
            return document;
        };
        const auto zeroth = make(0, 1);
        const auto one = make(1, 1);
        const auto two = make(2, 2);
        first = std::make_shared<directory::Document>(one);
        add(directory::pack(directory::to_text(zeroth)), zeroth.epoch);
        add(directory::pack(directory::to_text(two)), two.epoch);
        add(directory::pack_diff(directory::to_text(one), directory::to_text(two)), two.epoch);
        add(directory::pack_diff(directory::to_text(zeroth), directory::to_text(two)), two.epoch);
        add(directory::pack(directory::to_text(make(1, 7))), one.epoch);
        auto unsigned_one = two;
        unsigned_one.relays.front().capacity = 9;
        add(directory::pack(directory::to_text(unsigned_one)), two.epoch);
        add(directory::pack_diff(directory::to_text(one), directory::to_text(unsigned_one)),
            two.epoch);
        add("\1" + directory::gzip(std::string(2 * directory::document_text_max, 'a')), two.epoch);
        add(directory::pack_diff(directory::to_text(two), directory::to_text(make(3, 3))),
            base::Epoch{two.epoch.value + 1});
    }
    void add(std::string bytes, base::Epoch epoch) {
        packed.push_back(std::move(bytes));
        epochs.push_back(epoch);
    }
};

const Library& library() {
    static const Library one;
    return one;
}

/// A gateway as the client sees it: what it was asked, and what it has sent since.
struct Gateway {
    DocumentFetch fetch;
    base::Mono asked{};
    bool waited = false;  // at the last look
    std::size_t sent = 0;
    std::size_t parts = 0;
    bool diff = false;  // what comes is one
};

struct Client {
    DocumentRef held = library().first;
    base::Mono now{std::chrono::hours{1}};
    Gateway own;
    Gateway another;
    bool last_diff_useless = false;

    void ask(Gateway& of) {
        if (of.fetch.coming(now)) began_anew.reach();
        const bool is_own = &of == &own;
        const auto request = of.fetch.begin(is_own ? held : nullptr, now);
        const bool whole = !is_own || last_diff_useless;
        require(request.have == (whole ? base::Epoch{0} : held->epoch));
        if (is_own && last_diff_useless) useless_diff.reach();
        if (is_own) last_diff_useless = false;
        of.asked = now;
        of.sent = of.parts = 0;
        require(of.fetch.waiting(now) && !of.fetch.coming(now));
    }

    void take(Gateway& of, const cell::DocumentPart& part) {
        const bool waited = of.fetch.waiting(now);
        if (!of.fetch.coming(now)) of.diff = directory::is_diff(base::as_text(part.bytes));
        const auto outcome = of.fetch.accept(part);
        ++of.parts;
        if (waited && !outcome && !of.fetch.waiting(now)) out_of_order.reach();
        if (!outcome) return;
        require(waited && !of.fetch.waiting(now) && !of.fetch.coming(now));
        if (!*outcome) {
            require(!outcome->error().empty() && outcome->error().size() < 256);
            not_unpacked.reach();
            // Only the client's own gateway is asked for a diff.
            last_diff_useless |= &of == &own && of.diff;
            return;
        }
        require((*outcome)->size() <= directory::document_text_max);
        use(of, **outcome);
    }

    /// As a client does with what came.
    void use(const Gateway& of, const std::string& text) {
        const auto document = directory::parse(text);
        if (!document) return;
        const auto& anchors = library().anchors;
        const auto checked =
            directory::check(*document, anchors, document->valid_from, held->epoch);
        if (!checked && checked.error() == directory::Refusal::older_epoch) older.reach();
        if (!checked && checked.error() == directory::Refusal::bad_signature) forged.reach();
        if (!checked) return;
        require(library().signed_texts.contains(text));
        require(document->epoch >= held->epoch);
        if (document->epoch == held->epoch && directory::conflict(*document, *held)) twin.reach();
        if (document->epoch == held->epoch) return;
        if (of.parts > 1) in_parts.reach();
        if (&of == &another) from_another.reach();
        held = std::make_shared<directory::Document>(*document);
    }

    void look(Gateway& of) {
        const bool waits = of.fetch.waiting(now);
        require(!waits || now - of.asked < DocumentFetch::patience);
        if (of.waited && !waits && now - of.asked >= DocumentFetch::patience) overdue.reach();
        of.waited = waits;
    }
};

/// The next part of what a gateway sends. It is honest, except for what `change` says.
cell::DocumentPart part_of(Gateway& from, std::size_t number, std::uint8_t change) {
    const auto& packed = library().packed[number];
    const auto offset = std::min(from.sent, packed.size());
    const auto length = std::min(cell::document_part_size, packed.size() - offset);
    const auto bytes = base::as_bytes(std::string_view{packed}.substr(offset, length));
    cell::DocumentPart part{library().epochs[number],
                            static_cast<std::uint32_t>(packed.size()),
                            static_cast<std::uint32_t>(offset),
                            {bytes.begin(), bytes.end()}};
    from.sent = offset + length;
    const std::uint32_t by = change >> 4U;
    switch (change & 7U) {
        case 1:
            part.epoch.value += by - 8;
            break;
        case 2:
            part.total += by - 8;
            break;
        case 3:
            part.offset += (by - 8) * cell::document_part_size;
            break;
        case 4:
            part.bytes.resize(std::min(part.bytes.size(), std::size_t{by}));
            break;
        case 5:
            if (!part.bytes.empty()) part.bytes[by * 97 % part.bytes.size()] ^= 1;
            break;
        case 6:
            part.bytes.push_back(change);
            break;
        default:
            break;
    }
    return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    base::Reader reader{{data, size}};
    Client client;
    while (reader.remaining() > 2) {
        const auto what = reader.u8();
        const auto number = reader.u8();
        const auto change = reader.u8();
        auto& gateway = (what & 0x80U) != 0 ? client.another : client.own;
        switch (what & 0x07U) {
            case 0:
                client.ask(gateway);
                break;
            case 1: {
                const auto held = client.held->epoch;
                const auto which = number % library().packed.size();
                client.take(gateway, part_of(gateway, which, change));
                if (client.held->epoch > held && directory::is_diff(library().packed[which]))
                    by_diff.reach();
                break;
            }
            case 2: {  // a cell as it comes from the link
                base::ByteArray<cell::cell_size> bytes{};
                bytes[0] = static_cast<std::uint8_t>(cell::Kind::control);
                const auto rest = reader.bytes(std::min<std::size_t>(number, reader.remaining()));
                std::copy(rest.begin(), rest.end(), bytes.begin() + 3);
                const auto cell = cell::Cell::parse(bytes);
                const auto control = cell::decode(*cell);
                if (!control) {
                    malformed.reach();
                    gateway.fetch.end();
                } else if (const auto* part = std::get_if<cell::DocumentPart>(&*control)) {
                    client.take(gateway, *part);
                }
                break;
            }
            case 3:
                client.now += std::chrono::milliseconds{100 * number};
                break;
            case 4:
                if (gateway.fetch.coming(client.now)) cut.reach();
                gateway.fetch.end();
                require(!gateway.fetch.waiting(client.now));
                break;
            default:
                break;
        }
        client.look(client.own);
        client.look(client.another);
    }
    return 0;
}

// A relay's contact with an authority over real HTTPS. Rows 36, 37 and 44 of the table of faults:
// what a relay does with documents that are not to be trusted, or come early.
#include "relay/operation/authority_contact.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/directory/statement.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/https/server.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::operation;
namespace asio = boost::asio;

namespace {

constexpr base::Seconds hour{3600};
constexpr base::Milliseconds a_while{300};  // for what must not happen
constexpr base::Milliseconds turn{5'500};   // the contact looks every 5 s

/// An authority that answers as the test says, and a relay's contact with it, in one thread.
class Pair {
 public:
    /// With several services, each of them is the same server, but the first one if it is dead.
    explicit Pair(std::size_t services = 1, bool dead = false)
        : tasks_{io_.get_executor(), [](const std::string&, const std::string&) {}},
          server_{io_.get_executor(),
                  {asio::ip::address_v4::loopback(), 0},
                  "listen",
                  seed_,
                  [this](const node::https::Request& request) { return answer(request); },
                  tasks_} {
        random_.fill(signing_.span());
        options_.anchors.anchors.network = "test";
        options_.anchors.anchors.authorities = {directory::sign_text("", signing_).authority};
        options_.anchors.services.assign(services, {{"127.0.0.1", server_.local().port()},
                                                    {node::files::ed25519_public(seed_)}});
        if (dead) options_.anchors.services.front().address.port = 1;  // nothing listens there
        options_.epoch_length = hour;
        options_.data_dir = folder_.path();
        options_.document = folder_.path() / "document";
        options_.now = [this] { return now; };
        options_.on_document = [this] { ++taken; };
        options_.evidence = &evidence;
        test::RelayKeys keys{random_};
        auto relay = test::random_relay(random_, 1);
        relay.addresses = {{"127.0.0.1", 9}};
        for (const auto& [name, at] :
             {std::pair{"descriptor", epoch()}, std::pair{"descriptor.next", epoch().next()}})
            std::ofstream{folder_.path() / name} << keys.describe(relay, at);
        contact_.emplace(io_.get_executor(), options_);
        tasks_.spawn("server", server_.run());
    }
    ~Pair() {
        server_.close();
        tasks_.cancel();
        io_.restart();
        io_.run_for(std::chrono::seconds{2});
    }

    base::Epoch epoch() const { return directory::epoch_at(now, hour); }
    std::string document(base::Epoch at, bool good = true) {
        directory::Document made;
        made.network = "test";
        made.epoch = at;
        made.valid_from = directory::epoch_start(at, hour);
        made.valid_until = made.valid_from + 2 * hour;
        made.relays = {test::random_relay(random_, 0)};
        made.relays.front().addresses = {{"127.0.0.1", 9}};
        directory::sign(made, signing_);
        if (!good) made.relays.front().capacity += 1;
        return directory::to_text(made);
    }
    void run(base::Milliseconds time) {
        start();
        io_.restart();
        io_.run_for(time);
    }
    /// Runs until the condition holds. False if it does not in this time.
    bool until(const std::function<bool()>& holds,
               base::Milliseconds most = base::Milliseconds{60'000}) {
        start();
        const auto end = std::chrono::steady_clock::now() + most;
        while (!holds() && std::chrono::steady_clock::now() < end) {
            io_.restart();
            io_.run_one_for(base::Milliseconds{20});
        }
        return holds();
    }
    std::string file(const char* name) const {
        std::ifstream stream{folder_.path() / name, std::ios::binary};
        return {std::istreambuf_iterator<char>{stream}, {}};
    }
    const AuthorityContact::Facts& facts() const { return contact_->facts(); }

    test::TemporaryFolder folder_;
    base::Wall now{base::Seconds{1'800'000'000} + hour - base::Seconds{100}};
    std::map<std::string, std::string> pages;
    std::string second;  // what another authority says of a document that the relay has
    node::https::Request compared;
    unsigned descriptor_status = 200;
    std::size_t refusals = 0;  // the first ones
    std::string said = "as you wish";
    std::vector<std::string> posted;
    base::IpAddress from;  // who posted the last one
    std::size_t pages_given = 0;
    std::vector<std::string> got;
    int taken = 0;
    node::config::Evidence evidence{folder_.path() / "evidence"};

 private:
    void start() {
        if (!started_) tasks_.spawn("contact", contact_->run());
        started_ = true;
    }
    node::https::Answer answer(const node::https::Request& request) {
        node::https::Answer made;
        if (request.method == "POST") {
            posted.push_back(request.body);
            from = request.from;
            made.status = posted.size() <= refusals ? 403 : descriptor_status;
            made.body = said;
        } else if (got.push_back(request.target);
                   !request.if_none_match.empty() && !second.empty()) {
            compared = request;
            made.body = second;
        } else if (const auto found = pages.find(request.target); found != pages.end()) {
            made.body = found->second;
            ++pages_given;
        } else {
            made.status = 404;
        }
        return made;
    }

    base::SeededRandom random_{4};
    base::Secret<32> signing_;
    base::Secret<32> seed_ = node::files::new_key();
    asio::io_context io_;
    node::process::TaskGroup tasks_;
    node::https::Server server_;
    ContactOptions options_;
    std::optional<AuthorityContact> contact_;
    bool started_ = false;
};

std::string page(base::Epoch epoch) {
    return "/document/" + std::to_string(epoch.value);
}

}  // namespace

TEST_CASE("authority contact: both descriptors are sent, and the documents become files") {
    Pair pair;
    const auto mine = pair.document(pair.epoch());
    const auto next = pair.document(pair.epoch().next());
    pair.pages = {{page(pair.epoch()), mine}, {page(pair.epoch().next()), next}};
    CHECK(pair.until([&] { return pair.file("document.next") == next; }));
    CHECK(pair.posted.size() == 2);
    CHECK(pair.from == base::IpAddress::parse("127.0.0.1"));
    CHECK(pair.facts().accepted);
    CHECK(pair.file("document") == mine);
    CHECK(pair.taken == 1);

    pair.now += base::Seconds{110};  // the next epoch has begun
    CHECK(pair.until([&] { return pair.taken == 2; }));
    CHECK(pair.file("document") == next);
    CHECK(pair.file("document.next").empty());
}

TEST_CASE("authority contact, faults 37: a document that is not to be trusted is not kept") {
    for (int which = 0; which < 3; ++which) {
        Pair pair;
        const auto text = which == 0   ? pair.document(pair.epoch(), false)
                          : which == 1 ? pair.document({pair.epoch().value - 1})
                                       : std::string{"nightjar-document 2\n"};
        pair.pages = {{page(pair.epoch()), text}};
        CHECK(pair.until([&] { return pair.posted.size() == 2 && pair.pages_given > 0; }));
        pair.run(a_while);
        CHECK(pair.file("document").empty());
        CHECK(pair.taken == 0);
    }
}

TEST_CASE("authority contact: of four authorities two must take a descriptor, whatever one says") {
    Pair pair{4};
    CHECK(pair.until([&] { return pair.facts().accepted && pair.posted.size() == 4; }));
    pair.run(a_while);
    CHECK(pair.posted.size() == 4);  // two descriptors
    CHECK(std::count(pair.posted.begin(), pair.posted.end(), pair.posted.front()) == 2);

    Pair refused{4};
    refused.refusals = 1;
    CHECK(refused.until([&] { return refused.facts().accepted && refused.posted.size() == 5; }));
    refused.run(a_while);
    CHECK(refused.posted.size() == 5);

    Pair alone{4};
    alone.refusals = 1000;
    CHECK(alone.until([&] { return alone.posted.size() == 4; }));
    alone.run(a_while);
    CHECK(alone.posted.size() == 4);  // each was asked once
    CHECK_FALSE(alone.facts().accepted);
}

TEST_CASE(
    "authority contact, faults 43: another authority has the document that one does not give") {
    // Which one is asked first is drawn.
    Pair pair{2, true};
    const auto mine = pair.document(pair.epoch());
    pair.pages = {{page(pair.epoch()), mine}};
    for (int tries = 0; tries < 9 && pair.file("document").empty(); ++tries) {
        const auto before = pair.facts().fetch_failures;
        pair.until(
            [&] { return !pair.file("document").empty() || pair.facts().fetch_failures > before; });
        pair.now += base::Seconds{10};  // the pause after a failure
    }
    CHECK(pair.file("document") == mine);
}

TEST_CASE("authority contact: the next document comes as a diff, or whole if that is of no use") {
    for (int which = 0; which < 4; ++which) {
        Pair pair;
        const auto mine = pair.document(pair.epoch());
        const auto next = pair.document(pair.epoch().next());
        const auto diff = directory::make_diff(mine, next);
        const auto diff_page = "/diff/" + std::to_string(pair.epoch().next().value);
        pair.pages = {{page(pair.epoch()), mine}, {page(pair.epoch().next()), next}};
        if (which == 0) pair.pages.erase(page(pair.epoch().next()));
        if (which < 2) pair.pages[diff_page] = which == 0 ? diff : diff + "add more\n";
        if (which == 3) pair.pages[diff_page] = std::string(directory::document_text_max + 1, 'x');
        REQUIRE(pair.until([&] { return pair.file("document.next") == next; }));
        CHECK(pair.file("document") == mine);
        CHECK(std::count(pair.got.begin(), pair.got.end(), diff_page) == 1);
        CHECK(std::count(pair.got.begin(), pair.got.end(), page(pair.epoch().next())) ==
              (which == 0 ? 0 : 1));
    }
}

TEST_CASE(
    "authority contact, faults 38: another authority's document that differs is kept as proof") {
    Pair pair{2};
    const auto mine = pair.document(pair.epoch());
    pair.pages = {{page(pair.epoch()), mine}};
    pair.second = pair.document(pair.epoch());  // of another relay
    pair.until([&] { return pair.evidence.facts().documents == 2; });
    CHECK(pair.evidence.facts().documents == 2);
    CHECK(pair.compared.target == page(pair.epoch()));
    CHECK(pair.compared.if_none_match ==
          directory::etag(pair.epoch(), directory::signed_part(mine)));
    CHECK(pair.file("document") == mine);
    CHECK(pair.taken == 1);
}

TEST_CASE("authority contact: what the authority says is shown as one printable line") {
    Pair pair;
    pair.descriptor_status = 403;
    pair.said = "not on the list\x1b[31m\nmore";
    CHECK(pair.until([&] { return pair.facts().said == "not on the list?[31m"; }));
    CHECK_FALSE(pair.facts().accepted);
    pair.said = std::string(3'000, 'x');
    // A refused relay asks for the document before it sends.
    const auto shortened = [&] { return pair.facts().said == std::string(300, 'x'); };
    for (int turns = 0; turns < 5 && !shortened(); ++turns) {
        pair.now += base::Seconds{30};
        pair.until(shortened, turn);
    }
    CHECK(shortened());
}

TEST_CASE("authority contact, faults 36: a document that was fetched ahead serves a start") {
    Pair pair;
    test::TemporaryFolder folder;
    const auto document = folder.path() / "document";
    const auto next = pair.document(pair.epoch().next());
    directory::Anchors anchors{"test", {directory::parse(next)->signatures.front().authority}, {}};
    std::ofstream{folder.path() / "document.next"} << next;
    begin_next_document(document, anchors, pair.now);
    CHECK_FALSE(std::filesystem::exists(document));  // it is not valid yet
    begin_next_document(document, anchors, pair.now + hour);
    CHECK(std::filesystem::exists(document));
    CHECK_FALSE(std::filesystem::exists(folder.path() / "document.next"));
    std::ofstream{folder.path() / "document.next"} << "half a docu";
    begin_next_document(document, anchors, pair.now + hour);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "document.next"));
    CHECK(std::filesystem::file_size(document) == next.size());
}

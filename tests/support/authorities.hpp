// Authorities that agree over the product's driver, in virtual time: each asks the others once a
// second. Their disks are in memory, and outlive them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "relay/authority/core/driver.hpp"
#include "tests/support/council.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"

namespace nightjar::test {

namespace core = relay::authority::core;

class MemoryDisk final : public core::Disk {
 public:
    void put(const std::string& name, base::ByteView content) override {
        if (full) throw std::runtime_error{"the disk is full"};
        files[name] = {content.begin(), content.end()};
    }
    std::optional<base::Bytes> get(const std::string& name) const override {
        const auto found = files.find(name);
        return found == files.end() ? std::nullopt : std::optional{found->second};
    }
    std::vector<std::string> names() const override {
        std::vector<std::string> all;
        for (const auto& [name, content] : files)
            all.push_back(name);
        return all;
    }
    void remove(const std::string& name) override { files.erase(name); }

    std::map<std::string, base::Bytes> files;
    bool full = false;
};

struct TestRelay {
    RelayKeys keys;
    directory::Relay relay;
    bool up = true;
};

class Authorities {
 public:
    static constexpr base::Seconds epoch_length{120};

    explicit Authorities(std::size_t size, std::size_t mixes = 6, std::size_t gateways = 2,
                         const core::OpenBounds& open = {})
        : made{make_council(size, 5)}, drivers(size), disks(size), documents(size), lists(size) {
        terms.network = "test";
        terms.open = open;
        terms.parameters.epoch_length = epoch_length;
        terms.parameters.session_lifetime = epoch_length;
        for (std::size_t i = 0; i < mixes + gateways; ++i)
            admit(join(i < mixes ? 1 : 0));
        for (std::size_t i = 0; i < size; ++i)
            start(i);
    }

    TestRelay& join(std::uint8_t layer) {
        TestRelay made_relay{RelayKeys{random}, random_relay(random, layer)};
        made_relay.keys.name_in(made_relay.relay);
        made_relay.relay.addresses = {
            {"192.0.2.1", static_cast<std::uint16_t>(1000 + relays.size())}};
        if (layer == 0) made_relay.relay.exit_policy = "accept *:80,443";
        relays.push_back(std::move(made_relay));
        return relays.back();
    }
    core::Admission admission(const TestRelay& relay) const {
        return {relay.relay.identity,
                "operator-" + std::to_string(relay.relay.addresses.front().port), "", 1};
    }
    void admit(const TestRelay& relay) {
        for (std::size_t i = 0; i < lists.size(); ++i)
            admit(i, relay);
    }
    void admit(std::size_t authority, const TestRelay& relay) {
        auto& list = lists[authority];
        list.push_back(admission(relay));
        std::sort(list.begin(), list.end(),
                  [](const auto& a, const auto& b) { return a.identity < b.identity; });
        if (drivers[authority]) drivers[authority]->admit(list, moment());
    }

    void start(std::size_t authority) {
        const core::DriverSetup setup{&made.council, made.signers[authority].get(),
                                      &made.seeds[authority], &terms_of(authority),
                                      &disks[authority]};
        drivers[authority] = std::make_unique<core::Driver>(setup, moment());
        drivers[authority]->admit(lists[authority], moment());
        for (const auto& text : archive[authority])
            static_cast<void>(drivers[authority]->offer_descriptor(text, moment()));
    }
    const core::Terms& terms_of(std::size_t authority) const {
        const auto own = own_terms.find(authority);
        return own == own_terms.end() ? terms : own->second;
    }
    void stop(std::size_t authority) { drivers[authority].reset(); }

    core::Moment moment() const {
        return {base::Wall{base::Seconds{60'000'000}} + since, base::Mono{} + since};
    }
    base::Epoch epoch() const { return directory::epoch_at(moment().wall, epoch_length); }

    /// A relay's keys in an epoch: the mix key of the next one is that of the epoch after it.
    RelayKeys keys_of(std::size_t relay, base::Epoch at) {
        RelayKeys keys{random};
        keys.identity = relays[relay].keys.identity.copy();
        keys.link = relays[relay].keys.link.copy();
        base::SeededRandom now{relay * 1'000'000 + at.value},
            then{relay * 1'000'000 + at.value + 1};
        now.fill(keys.mix.span());
        then.fill(keys.next_mix.span());
        return keys;
    }

    /// Each relay gives one of the authorities its descriptors for this epoch and the next one.
    void send_descriptors() {
        if (sent == epoch()) return;
        sent = epoch();
        for (std::size_t i = 0; i < relays.size(); ++i)
            for (const auto at : {epoch(), epoch().next()})
                if (relays[i].up)
                    send(i, keys_of(i, at).describe(relays[i].relay, at, moment().wall));
    }
    void send(std::size_t relay, const std::string& text) {
        for (std::size_t a = 0; a < drivers.size(); ++a) {
            const auto& driver = drivers[(relay + a) % drivers.size()];
            bool taken = false;
            if (driver)
                work((relay + a) % drivers.size(),
                     [&] { taken = driver->offer_descriptor(text, moment()).reason.empty(); });
            if (!taken) continue;
            archive[(relay + a) % drivers.size()].push_back(text);
            return;
        }
    }

    /// One authority asks another one for all that it wants. A full disk stops its own pass only.
    void ask(std::size_t from, std::size_t to) {
        try {
            take_answers(from, to);
        } catch (const std::runtime_error&) {
        }
    }
    void take_answers(std::size_t from, std::size_t to) {
        auto& asks = *drivers[from];
        const auto bytes = core::encode(answer ? answer(to) : drivers[to]->bundle());
        const auto bundle = core::parse_bundle(bytes);
        if (!bundle) return;
        asks.receive(*bundle, moment());
        for (const auto& item : *bundle)
            if (const auto* its = std::get_if<core::DescriptorsHash>(&item);
                its != nullptr && asks.wants_descriptors(*its))
                asks.receive_descriptors(
                    *its,
                    *core::parse_bundle(core::encode(drivers[to]->descriptors(its->epoch),
                                                     core::descriptors_size_max),
                                        core::descriptors_size_max),
                    moment());
        for (const auto& id : asks.missing())
            if (const auto object = drivers[to]->object(id)) asks.receive_object(*object, moment());
    }

    void second() {
        since += base::Seconds{1};
        for (std::size_t i = 0; i < drivers.size(); ++i)
            if (drivers[i]) work(i, [&] { pass(i); });
        for (std::size_t from = 0; from < drivers.size(); ++from)
            for (std::size_t to = 0; to < drivers.size(); ++to)
                if (from != to && drivers[from] && drivers[to] && !apart.contains({from, to}))
                    work(from, [&] { ask(from, to); });
        send_descriptors();
    }
    void run(base::Seconds seconds) {
        for (auto i = seconds.count(); i > 0; --i)
            second();
    }
    void run_epochs(int epochs) { run(epoch_length * epochs); }

    TestCouncil made;
    core::Terms terms;
    /// Of an authority that is configured otherwise, from its next start on.
    std::map<std::size_t, core::Terms> own_terms;
    base::SeededRandom random{11};
    std::deque<TestRelay> relays;
    std::vector<std::unique_ptr<core::Driver>> drivers;
    std::vector<MemoryDisk> disks;
    /// What each authority has given out, by epoch.
    std::vector<std::map<base::Epoch, directory::Document>> documents;
    std::vector<core::Admissions> lists;
    /// What relays gave to each authority: they do not give it again.
    std::map<std::size_t, std::vector<std::string>> archive;
    std::vector<std::string> notes;
    std::set<std::pair<std::size_t, std::size_t>> apart;
    /// If set: what an authority answers, which may be a lie.
    std::function<core::Bundle(std::size_t)> answer;
    /// If set: runs each piece of an authority's work, to measure it.
    std::function<void(std::size_t, const std::function<void()>&)> watch;

 private:
    void work(std::size_t authority, const std::function<void()>& piece) {
        if (watch)
            watch(authority, piece);
        else
            piece();
    }
    void pass(std::size_t i) {
        try {
            drivers[i]->pass(moment());
        } catch (const std::runtime_error&) {
            return;  // a full disk
        }
        for (auto& document : drivers[i]->take_documents())
            documents[i].emplace(document.epoch, document);
        for (auto& note : drivers[i]->take_notes())
            notes.push_back(std::move(note));
    }

    base::Milliseconds since{base::Seconds{30}};
    std::optional<base::Epoch> sent;
};

}  // namespace nightjar::test

#include "relay/core/mailbox.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "sphinx/cell/padding_time.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using relay::core::DropReason;
using relay::core::Mailboxes;
using relay::core::SendResult;

namespace {

constexpr base::Mono start{1h};
constexpr base::Wall wall_at_start{1'800'000'000s};
const directory::Rate rate_60 = directory::Parameters{}.down;

struct Downlinks final : relay::core::Egress {
    struct Got {
        base::Mono at;
        base::MailboxId client;
        bool delivery;
        std::uint8_t number;  // of a delivery
        std::optional<base::Wall> says;
    };
    std::vector<Got> got;
    base::Mono now{};
    SendResult answer = SendResult::queued;

    SendResult to_relay(const base::NodeId&, cell::CellBox) override { return SendResult::no_link; }
    SendResult to_client(const base::MailboxId& client, cell::CellBox cell) override {
        const bool delivery = cell->kind() == cell::Kind::packet;
        got.push_back({now, client, delivery, delivery ? cell->body()[0] : std::uint8_t{0},
                       cell::time_in(*cell)});
        return answer;
    }
};

struct Fixture {
    base::SeededRandom random{1};
    relay::core::Counters counters;
    Mailboxes mailboxes{{}, random, counters};  // 60 slots a second
    Downlinks links;

    void tick(base::Mono now) {
        links.now = now;
        mailboxes.tick(now, wall_at_start + std::chrono::floor<base::Milliseconds>(now - start),
                       links);
    }
    /// Clients 1 to 9 send by the law meanwhile.
    void run(base::Mono from, base::Mono to) {
        for (auto now = from; now < to; now += 1ms) {
            if ((now - from) % 20ms == 0ms)
                for (std::uint8_t number = 1; number < 10; ++number)
                    mailboxes.earn(client(number));
            tick(now);
        }
    }
    base::MailboxId client(std::uint8_t number) {
        base::MailboxId id;
        id.bytes[0] = number;
        return id;
    }
    cell::CellBox delivery(std::uint8_t number = 0) {
        return std::make_unique<cell::Cell>(
            cell::Cell::packet(base::Bytes(cell::body_size, number), 0));
    }
    std::uint64_t dropped(DropReason reason) {
        return counters.dropped[static_cast<std::size_t>(reason)];
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "mailbox: the same number of cells in every second, whatever waits") {
    const auto one = client(1);
    mailboxes.open(one, start);
    std::vector<unsigned> per_second;
    for (int second = 0; second < 20; ++second) {
        // In turn: no deliveries, a few, exactly the rate, far more.
        const int waiting[] = {0, 7, 60, 200};
        for (int i = 0; i < waiting[second % 4]; ++i)
            mailboxes.deliver(one, delivery());
        const auto before = links.got.size();
        run(start + second * 1s, start + (second + 1) * 1s);
        per_second.push_back(static_cast<unsigned>(links.got.size() - before));
    }
    // A slot can fall on either side of a second's end: one more or less, without accumulation.
    for (const auto count : per_second)
        CHECK((count >= 59 && count <= 61));
    CHECK((links.got.size() >= 1199 && links.got.size() <= 1200));
    CHECK(counters.down_cells == links.got.size());
}

TEST_CASE_FIXTURE(Fixture, "mailbox: padding says the relay's time as it leaves, a delivery none") {
    mailboxes.open(client(1), start);
    mailboxes.deliver(client(1), delivery(7));
    run(start, start + 2s);
    REQUIRE(links.got.size() >= 119);
    CHECK(links.got.front().delivery);
    for (const auto& got : links.got) {
        REQUIRE(got.says.has_value() == !got.delivery);
        if (got.says) CHECK((*got.says == wall_at_start + (got.at - start)));
    }
}

TEST_CASE_FIXTURE(Fixture, "mailbox: cells of 10 minutes lie on one grid, to the tick") {
    mailboxes.open(client(1), start);
    run(start, start + 600s);
    REQUIRE(links.got.size() > 35'990);
    const auto first = links.got.front().at;
    for (std::size_t i = 0; i < links.got.size(); ++i) {
        const auto ideal = first + base::from_seconds(static_cast<double>(i) / 60.0);
        REQUIRE(std::chrono::abs(links.got[i].at - ideal) <= 2ms);
    }
}

TEST_CASE_FIXTURE(Fixture,
                  "mailbox: deliveries leave in order, one a slot, and padding after them") {
    const auto one = client(1);
    mailboxes.open(one, start);
    for (std::uint8_t i = 1; i <= 3; ++i)
        mailboxes.deliver(one, delivery(i));
    run(start, start + 100ms);
    REQUIRE(links.got.size() == 6);
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(links.got[i].delivery == (i < 3));
        CHECK(links.got[i].number == (i < 3 ? i + 1 : 0));
    }
    CHECK(counters.deliveries == 3);
}

TEST_CASE_FIXTURE(Fixture, "mailbox: the queue holds 128, the next is overflow") {
    const auto one = client(1);
    mailboxes.open(one, start);
    for (int i = 0; i < 130; ++i)
        mailboxes.deliver(one, delivery());
    CHECK(counters.deliveries == 128);
    CHECK(dropped(DropReason::overflow) == 2);
}

TEST_CASE_FIXTURE(Fixture, "mailbox: closing it discards the client's queue") {
    const auto one = client(1);
    mailboxes.deliver(one, delivery());
    CHECK(dropped(DropReason::unreachable) == 1);
    mailboxes.open(one, start);
    CHECK(mailboxes.connected(one));
    mailboxes.deliver(one, delivery());
    mailboxes.close(one);
    CHECK_FALSE(mailboxes.connected(one));
    CHECK(mailboxes.next_due() == base::Mono::max());
    run(start, start + 100ms);
    CHECK(links.got.empty());
    mailboxes.open(one, start + 100ms);
    run(start + 100ms, start + 200ms);
    REQUIRE(links.got.size() == 6);
    for (const auto& got : links.got)
        CHECK_FALSE(got.delivery);
    mailboxes.close(client(9));  // unknown: no effect
}

TEST_CASE_FIXTURE(Fixture, "mailbox: opening twice changes nothing") {
    mailboxes.open(client(1), start);
    const auto due = mailboxes.next_due();
    mailboxes.deliver(client(1), delivery());
    mailboxes.open(client(1), start + 3ms);
    CHECK(mailboxes.next_due() == due);
    run(start, start + 17ms);
    REQUIRE(links.got.size() == 1);
    CHECK(links.got[0].delivery);
}

TEST_CASE_FIXTURE(Fixture, "mailbox: slots that a stall has passed are lost, never made up") {
    struct Case {
        base::Nanoseconds stall;
        std::size_t cells_in_the_tick_after;  // upper bound
    };
    for (const auto& c :
         {Case{10ms, 1}, Case{200ms, 13}, Case{400ms, 16}, Case{1s, 16}, Case{10min, 16}}) {
        CAPTURE(c.stall.count());
        links.got.clear();
        Mailboxes fresh{{}, random, counters};
        fresh.open(client(1), start);
        fresh.tick(start + c.stall, wall_at_start, links);
        CHECK(links.got.size() <= c.cells_in_the_tick_after);
        CHECK(fresh.next_due() > start + c.stall);
        CHECK(fresh.next_due() <= start + c.stall + 17ms);
    }
}

TEST_CASE_FIXTURE(Fixture, "mailbox: a lost slot leaves the grid where it was") {
    mailboxes.open(client(1), start);
    const auto phase = mailboxes.next_due();
    tick(start + 5s);
    const auto gap = rate_60.mean_gap();
    CHECK((mailboxes.next_due() - phase) % gap == 0ns);
}

TEST_CASE_FIXTURE(Fixture, "mailbox: clients that connect together get different phases") {
    // 600 clients connect at the same time. Their first slots are spread evenly over 10 parts of
    // the gap.
    for (unsigned i = 0; i < 600; ++i) {
        base::MailboxId id;
        id.bytes[0] = static_cast<std::uint8_t>(i);
        id.bytes[1] = static_cast<std::uint8_t>(i >> 8);
        mailboxes.open(id, start);
    }
    const auto gap = rate_60.mean_gap();
    double chi = 0;
    for (int part = 0; part < 10; ++part) {
        const auto before = links.got.size();
        tick(start + gap * (part + 1) / 10 - 1ns);
        const double count = static_cast<double>(links.got.size() - before);
        chi += (count - 60) * (count - 60) / 60;
    }
    CHECK(links.got.size() == 600);
    CHECK(chi < 27.9);  // 9 degrees of freedom, p = 0.001
}

TEST_CASE_FIXTURE(Fixture, "mailbox: a cell that the link does not take is lost with its slot") {
    const auto one = client(1);
    struct Case {
        SendResult answer;
        DropReason reason;
    };
    for (const auto& c : {Case{SendResult::no_link, DropReason::unreachable},
                          Case{SendResult::queue_full, DropReason::overflow}}) {
        mailboxes.open(one, start);
        mailboxes.deliver(one, delivery());
        links.answer = c.answer;
        const auto due = mailboxes.next_due();
        tick(due);
        CHECK(dropped(c.reason) == 1);
        CHECK(mailboxes.next_due() == due + rate_60.mean_gap());
        tick(mailboxes.next_due());  // refused padding is not a packet, so it counts as no drop
        CHECK(dropped(c.reason) == 1);
        mailboxes.close(one);
    }
    CHECK(counters.down_cells == 0);
}

TEST_CASE_FIXTURE(Fixture, "mailbox: a new rate holds from the next slot") {
    mailboxes.open(client(1), start);
    const auto due = mailboxes.next_due();
    directory::Parameters faster;
    faster.down = {120'000};
    mailboxes.use(faster);
    CHECK(mailboxes.next_due() == due);
    tick(due);
    CHECK(mailboxes.next_due() == due + directory::Rate{120'000}.mean_gap());
}

TEST_CASE_FIXTURE(Fixture,
                  "mailbox: a peer that sends nothing gets a document's worth of cells, no more") {
    const auto one = client(10);
    mailboxes.open(one, start);
    for (auto now = start; now < start + 60s; now += 5ms)
        tick(now);
    CHECK(links.got.size() == 512 + 64);
    // Deliveries change nothing.
    mailboxes.deliver(one, delivery());
    tick(start + 61s);
    CHECK(links.got.size() == 512 + 64);
    // A packet of its own is worth two gaps' slots; here D is 60 and U + L is 55.
    links.got.clear();
    for (auto now = start + 62s; now < start + 122s; now += 100ms) {
        mailboxes.earn(one);
        for (int i = 0; i < 20; ++i)
            tick(now + i * 5ms);
    }
    CHECK(links.got.size() >= 1300);
    CHECK(links.got.size() <= 1310);
    mailboxes.earn(client(11));  // unknown: no effect
}

TEST_CASE_FIXTURE(Fixture,
                  "mailbox: half of the law's packets keep the whole downlink, and ten seconds at "
                  "most are kept") {
    const auto one = client(10);
    mailboxes.open(one, start);
    const auto end = start + 60s;
    int slot = 0;
    for (auto now = start; now < end; now += 1ms) {
        if ((now - start) % 18ms == 0ms && ++slot % 2 == 0) mailboxes.earn(one);
        tick(now);
    }
    CHECK(links.got.size() >= 3599);
    // What more packets would earn is lost.
    for (int i = 0; i < 10'000; ++i)
        mailboxes.earn(one);
    links.got.clear();
    for (auto now = end; now < end + 60s; now += 5ms)
        tick(now);
    CHECK(links.got.size() == 600);
}

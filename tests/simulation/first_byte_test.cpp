// What a person waits for: the first byte of a small answer, alone and beside transfers, and a page
// with 30 resources. In virtual time, so no load of a machine can change a figure (LawWorld).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>

#include "sphinx/base/codec.hpp"
#include "tests/lab/world/law_world.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

/// Answers each request of 8 bytes with as many bytes as the request says, as a web server does on
/// a connection that is kept.
struct Web final : ByteServer {
    void on_bytes(base::ByteView bytes) override {
        requests.insert(requests.end(), bytes.begin(), bytes.end());
        while (requests.size() >= 8) {
            const auto size = base::Reader{base::ByteView{requests}.first(8)}.u64();
            requests.erase(requests.begin(), requests.begin() + 8);
            out.resize(out.size() + static_cast<std::size_t>(size));
        }
    }
    void on_finish() override { end = true; }
    base::Bytes requests;
};

/// The applications of one client.
class Applications {
 public:
    using Ref = client::core::StreamRef;
    explicit Applications(std::uint64_t seed) : world{options(seed)} {
        world.servers.add("web", 80, [] { return std::make_unique<Web>(); });
        world.servers.add("sink", 80, sink_server);
        world.application = [this] { step(); };
        world.run_for(90s);
    }
    static LawOptions options(std::uint64_t seed) {
        LawOptions options;
        options.seed = options.client_seed = seed;
        return options;
    }
    Ref open(const char* host) {
        const auto stream = world.core().open("", {host, 80});
        REQUIRE(stream);
        got[*stream] = 0;
        return *stream;
    }
    void ask(Ref stream, std::uint64_t size) {
        base::ByteArray<8> request{};
        base::Writer{request}.u64(size);
        CHECK(world.core().write(stream, request) == request.size());
    }
    /// Runs until `stream` has got `bytes`, and returns the seconds that it took.
    double wait_for(Ref stream, std::uint64_t bytes) {
        const auto from = world.now();
        while (got[stream] < bytes && world.now() < from + 60s)
            world.run_for(1ms);
        REQUIRE(got[stream] >= bytes);
        return base::to_seconds(world.now() - from);
    }
    /// The median time to the first byte of `count` small answers, each on a new connection. A
    /// program that waits for the answer to its OPEN asks after it.
    double first_byte(int count, bool waits_for_answer = false) {
        std::vector<double> times;
        for (int i = 0; i < count; ++i) {
            const auto stream = open("web");
            double time = 0;
            if (waits_for_answer) {
                const auto from = world.now();
                while (!accepted[stream])
                    world.run_for(1ms);
                time = base::to_seconds(world.now() - from);
            }
            ask(stream, 1'000);
            times.push_back(time + wait_for(stream, 1));
            wait_for(stream, 1'000);
            world.core().finish(stream);
            got.erase(stream);
            world.run_for(500ms);
        }
        std::ranges::sort(times);
        return times[times.size() / 2];
    }

    LawWorld world;
    std::map<Ref, std::uint64_t> got;
    std::map<Ref, bool> accepted;
    std::vector<Ref> uploads;

 private:
    void step() {
        auto& core = world.core();
        for (const auto& event : core.take_events()) {
            CHECK(event.event.kind != stream::Event::Kind::reset);
            if (event.event.kind == stream::Event::Kind::accepted) accepted[event.stream] = true;
        }
        for (auto& [stream, count] : got)
            while (const auto n = core.read(stream, buffer_))
                count += n;
        for (const auto stream : uploads)
            while (core.write(stream, buffer_) > 0) {
            }
    }
    base::Bytes buffer_ = base::Bytes(32'768);
};

constexpr std::uint64_t endless = 1u << 27;
constexpr std::uint64_t document_size = 30'000;
constexpr std::uint64_t resource_size = 12'000;
constexpr int resources = 30;
constexpr int connections = 6;

/// Fetches a document, and then its resources over six connections that are kept, as a browser does
/// by HTTP/1.1. Returns the seconds.
double page(Applications& applications) {
    auto& world = applications.world;
    const auto from = world.now();
    std::map<client::core::StreamRef, std::uint64_t> open;  // and what each is to have got
    const auto first = applications.open("web");
    applications.ask(first, document_size);
    applications.wait_for(first, document_size);
    open[first] = document_size;
    for (int i = 1; i < connections; ++i)
        open[applications.open("web")] = 0;
    int asked = 0;
    for (int arrived = 0; arrived < resources;) {
        arrived = asked;
        for (auto& [stream, wanted] : open) {
            if (applications.got[stream] < wanted) {
                --arrived;
            } else if (asked < resources) {
                applications.ask(stream, resource_size);
                wanted += resource_size;
                ++asked;
                --arrived;
            }
        }
        world.run_for(1ms);
        REQUIRE(world.now() < from + 120s);
    }
    for (const auto& [stream, wanted] : open)
        world.core().finish(stream);
    const auto seconds = base::to_seconds(world.now() - from);
    world.run_for(10s);
    return seconds;
}

}  // namespace

TEST_CASE("a first byte takes one round trip of the law, alone and beside transfers") {
    const auto round_trip = base::to_seconds(world_parameters().mean_round_trip());
    Applications alone{1};
    const auto two_trips = alone.first_byte(100, true);
    const auto idle = alone.first_byte(100);
    std::printf(
        "first byte, median of 100, in round trips of %.2f s: %.2f; %.2f if the program "
        "waits for the exit\n",
        round_trip, idle / round_trip, two_trips / round_trip);
    CHECK(idle < 1.3 * round_trip);
    // The median of 100 is good to 4 %, so chance may part two of them by 10 %.
    for (const int downloads : {1, 10}) {
        Applications busy{2};
        for (int i = 0; i < downloads; ++i)
            busy.ask(busy.open("web"), endless);
        busy.world.run_for(20s);
        const auto median = busy.first_byte(100);
        std::printf("  beside %d downloads: %.2f times as long\n", downloads, median / idle);
        CHECK(median < 1.2 * idle);
    }
    Applications busy{3};
    for (int i = 0; i < 10; ++i)
        busy.uploads.push_back(busy.open("sink"));
    busy.world.run_for(20s);
    const auto median = busy.first_byte(100);
    std::printf("  beside 10 uploads: %.2f times as long\n", median / idle);
    CHECK(median < 1.2 * idle);
}

TEST_CASE(
    "a page of 30 resources takes its round trips and its bytes, alone and beside downloads") {
    const auto law = world_parameters();
    const auto bytes = document_size + resources * resource_size;
    const auto least = base::to_seconds(law.mean_round_trip()) * (1 + resources / connections) +
                       static_cast<double>(bytes) /
                           (law.replies.per_second() * static_cast<double>(stream::down_room));
    const auto median = [](Applications& applications) {
        std::vector<double> times;
        for (int i = 0; i < 5; ++i)
            times.push_back(page(applications));
        std::ranges::sort(times);
        return times[2];
    };
    Applications alone{4};
    const auto idle = median(alone);
    Applications busy{5};
    for (int i = 0; i < 3; ++i)
        busy.ask(busy.open("web"), endless);
    busy.world.run_for(20s);
    const auto beside = median(busy);
    std::printf(
        "a page of %llu bytes: %.2f s, %.2f times its round trips and bytes (%.2f s); "
        "beside 3 downloads %.2f s\n",
        static_cast<unsigned long long>(bytes), idle, idle / least, least, beside);
    CHECK(idle < least);          // bytes arrive during the round trips
    CHECK(beside < 1.35 * idle);  // 1.5, if streams take turns one by one
}

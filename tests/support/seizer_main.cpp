// nightjar-seizer open FOLDER | shared FOLDER: what an adversary finds in memories and recordings
// that tests/system/seizure_test.py has put into FOLDER. Prints JSON.
//
// open: memory/NAME is what a process held, wires/NAME one direction of a connection to a relay
// (towards it if NAME ends with .up), and mix_keys has a secret mix key in each line, in
// hexadecimal. Tries all keys of all memories on all wires, and all mix keys on the packets that
// this opened; looks for what came out among all packets, and for these packets in the memories.
//
// shared: memory/NAME is what a process held, known/NAME a memory whose values do not count, and
// public/NAME what everyone may read. Prints the random values of 16 bytes that some memories
// hold, but not all, and that are nowhere else. What all hold follows from the document: tables for
// the relays' public keys.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "sphinx/packet/packet.hpp"
#include "tests/support/recorded_way.hpp"
#include "tests/support/seized_memory.hpp"

namespace {

namespace fs = std::filesystem;
using namespace nightjar;
using test::RecordedWay;
using Json = nlohmann::json;

constexpr std::size_t tried_at_most = 500;  // packets of each epoch on which mix keys are tried

base::Bytes read(const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    base::Bytes bytes(fs::file_size(file));
    in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!in) throw std::runtime_error{"cannot read " + file.string()};
    return bytes;
}

std::map<std::string, base::Bytes> read_all(const fs::path& folder) {
    std::map<std::string, base::Bytes> files;
    for (const auto& file : fs::directory_iterator{folder})
        files.emplace(file.path().filename(), read(file.path()));
    return files;
}

std::vector<packet::SecretKey> read_mix_keys(const fs::path& file) {
    std::vector<packet::SecretKey> keys;
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);) {
        const auto bytes = base::from_hex(line);
        if (!bytes || bytes->size() != 32) throw std::runtime_error{"mix_keys: 64 digits a line"};
        keys.emplace_back(std::span<const std::uint8_t, 32>{*bytes});
    }
    return keys;
}

/// What a packet is recognised by: half of its alpha, which is another one after each hop.
using Head = test::Value;
Head head_of(base::ByteView body) {
    Head head;
    std::ranges::copy(body.first(head.size()), head.begin());
    return head;
}

/// The packets of all wires, by the low byte of their epoch.
struct Packets {
    std::map<int, std::vector<test::PlainCell>> by_epoch;

    void add(const test::PlainCell& cell) {
        if (cell[0] == static_cast<std::uint8_t>(cell::Kind::packet))
            by_epoch[cell[1]].push_back(cell);
    }
};

struct Found {
    std::set<test::LinkKey> keys;
    std::vector<test::TrafficSecret> secrets;
};

Found search(const std::map<std::string, base::Bytes>& memories) {
    Found found;
    for (const auto& [name, memory] : memories) {
        found.keys.merge(test::expanded_keys(memory));
        auto secrets = test::possible_secrets(memory);
        found.secrets.insert(found.secrets.end(), secrets.begin(), secrets.end());
    }
    return found;
}

/// Which of the recordings begins under keys that follow from a secret in memory.
std::set<std::string> begun_by_secret(const std::map<std::string, RecordedWay>& ways,
                                      const std::vector<test::TrafficSecret>& secrets) {
    std::set<std::string> opened;
    for (const auto& secret : secrets) {
        const auto pad = test::first_pad(test::keys_of(secret));
        for (const auto& [name, way] : ways)
            if (way.begins_under(pad)) opened.insert(name);
    }
    return opened;
}

/// Opens what these keys open. How many cells, of how many.
Json open_wire(const RecordedWay& way, bool up, const std::set<test::LinkKey>& keys,
               Packets& packets) {
    std::size_t cells = 0, opened = 0;
    for (const auto& phase : way.phases()) {
        cells += phase.size();
        for (const auto& key : keys) {
            const auto found = RecordedWay::open_by(key, phase);
            if (!found) continue;
            for (std::size_t number = 0; number < phase.size(); ++number)
                if (const auto cell = RecordedWay::decrypt(*found, phase, number)) {
                    if (up) packets.add(*cell);
                    ++opened;
                }
            break;
        }
    }
    return {{"cells", cells}, {"opened", opened}};
}

/// Tries each mix key on some packets of one epoch, evenly from all of them, and looks for what
/// comes out among all of them; counts the packets that are still in a memory.
Json try_keys(const std::vector<test::PlainCell>& cells, const std::vector<packet::SecretKey>& keys,
              const std::map<std::string, base::Bytes>& memories) {
    std::set<Head> heads, in_memory;
    for (const auto& cell : cells)
        heads.insert(head_of(base::ByteView{cell}.subspan(3)));
    for (const auto& [name, memory] : memories)
        in_memory.merge(test::remembered(memory, heads));
    const std::size_t step = cells.size() / tried_at_most + 1;
    std::size_t tried = 0, unwrapped = 0, joined = 0;
    for (std::size_t at = 0; at < cells.size(); at += step, ++tried)
        for (const auto& key : keys) {
            auto copy = cells[at];
            const auto body = base::ByteSpan{copy}.subspan(3);
            const auto opened = packet::unwrap(body, key, cell::body_size);
            if (!opened) continue;
            ++unwrapped;
            if (std::holds_alternative<packet::Forward>(opened.value().what))
                joined += heads.contains(head_of(body));
        }
    return {{"packets", cells.size()},
            {"tried", tried},
            {"unwrapped", unwrapped},
            {"joined", joined},
            {"in_memory", in_memory.size()}};
}

Json open(const fs::path& folder) {
    const auto memories = read_all(folder / "memory"), wires = read_all(folder / "wires");
    const auto mix_keys = read_mix_keys(folder / "mix_keys");
    const auto found = search(memories);
    std::map<std::string, RecordedWay> ways;
    for (const auto& [name, bytes] : wires)
        ways.emplace(name, RecordedWay{bytes});
    const auto by_secret = begun_by_secret(ways, found.secrets);
    Packets packets;
    Json result{{"expanded_keys", found.keys.size()},
                {"possible_secrets", found.secrets.size()},
                {"mix_keys", mix_keys.size()}};
    for (const auto& [name, way] : ways) {
        result["wires"][name] = open_wire(way, name.ends_with(".up"), found.keys, packets);
        result["wires"][name]["secret"] = by_secret.contains(name);
    }
    for (const auto& [epoch, cells] : packets.by_epoch)
        result["epochs"][std::to_string(epoch)] = try_keys(cells, mix_keys, memories);
    return result;
}

/// The values at any place in all files of a folder.
std::vector<test::Value> values_in(const fs::path& folder) {
    std::vector<test::Value> all;
    for (const auto& [name, bytes] : read_all(folder)) {
        const auto values = test::random_values(bytes, 1);
        all.insert(all.end(), values.begin(), values.end());
    }
    std::ranges::sort(all);
    return all;
}

Json shared(const fs::path& folder) {
    const auto known = values_in(folder / "known"), of_all = values_in(folder / "public");
    std::map<test::Value, std::vector<std::string>> holders;
    const auto memories = read_all(folder / "memory");
    for (const auto& [name, memory] : memories)
        for (const auto& value : test::random_values(memory, 8))
            if (!std::ranges::binary_search(known, value) &&
                !std::ranges::binary_search(of_all, value))
                holders[value].push_back(name);
    Json values = Json::object();
    for (const auto& [value, names] : holders)
        if (names.size() > 1 && names.size() < memories.size()) values[base::to_hex(value)] = names;
    return values;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string verb = argc == 3 ? argv[1] : "";
    if (verb != "open" && verb != "shared") {
        std::fprintf(stderr, "usage: nightjar-seizer open|shared FOLDER\n");
        return 2;
    }
    try {
        const auto result = verb == "open" ? open(argv[2]) : shared(argv[2]);
        std::printf("%s\n", result.dump().c_str());
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "nightjar-seizer: %s\n", failure.what());
        return 1;
    }
    return 0;
}

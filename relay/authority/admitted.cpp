#include "relay/authority/admitted.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>

#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/files/text_file.hpp"
#include "sphinx/node/files/unique_fd.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::authority {

namespace {

constexpr std::size_t size_max = admitted_max * 256;

/// Two commands at once would each write a list without the other's change.
node::files::UniqueFd lock_beside(const std::filesystem::path& file) {
    const auto path = file.string() + ".lock";
    node::files::UniqueFd lock{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!lock || ::flock(lock.get(), LOCK_EX) != 0)
        throw std::system_error{errno, std::generic_category(), "cannot lock " + path};
    return lock;
}

void save(const std::filesystem::path& file, const AdmittedList& list) {
    node::files::replace_file(file, to_text(list), node::files::Durability::disk);
}

auto find(AdmittedList& list, const base::NodeId& identity) {
    return std::find_if(list.begin(), list.end(),
                        [&](const Admitted& each) { return each.identity == identity; });
}

}  // namespace

std::string to_text(const AdmittedList& list) {
    std::string text;
    directory::put_field(text, "nightjar-admitted", 1);
    for (const auto& relay : list) {
        if (relay.expelled) continue;
        directory::put_field(text, "relay", base::to_hex(relay.identity.bytes));
        directory::put_field(text, "operator", relay.operator_name);
        if (!relay.family.empty()) directory::put_field(text, "family", relay.family);
        directory::put_field(text, "capacity", relay.capacity);
    }
    for (const auto& relay : list)
        if (relay.expelled)
            directory::put_field(text, "expelled", base::to_hex(relay.identity.bytes));
    return text;
}

base::Result<AdmittedList, directory::ParseError> parse_admitted(std::string_view text) {
    directory::FieldReader reader{text, size_max};
    AdmittedList list;
    std::set<base::NodeId> seen;
    const auto add = [&](Admitted relay) {
        if (reader.ok() && !seen.insert(relay.identity).second) reader.fail("a relay listed twice");
        if (reader.ok() && list.size() == admitted_max) reader.fail("more than 2000 relays");
        list.push_back(std::move(relay));
    };
    reader.literal("nightjar-admitted", "1");
    while (reader.ok() && reader.next_is("relay")) {
        Admitted relay;
        relay.identity = reader.id<base::NodeId>("relay");
        relay.operator_name = reader.word("operator");
        if (reader.next_is("family")) relay.family = reader.word("family");
        relay.capacity =
            static_cast<std::uint32_t>(reader.number("capacity", 1, directory::capacity_max));
        add(std::move(relay));
    }
    while (reader.ok() && reader.next_is("expelled"))
        add({reader.id<base::NodeId>("expelled"), {}, {}, 1, true});
    reader.finish();
    if (!reader.ok()) return base::Fail{reader.error()};
    return list;
}

AdmittedList load_admitted(const std::filesystem::path& file) {
    const auto text = node::files::read_file(file, size_max);
    if (!text && text.error() == std::errc::no_such_file_or_directory) return {};
    if (!text)
        throw node::process::ConfigError{file.string() + ": " + text.error().message() +
                                         "; it must be a file that this user may read"};
    auto list = parse_admitted(*text);
    if (!list)
        throw node::process::ConfigError{
            file.string() + ":" + std::to_string(list.error().line) + ":1: " + list.error().reason +
            "; change it with `nightjar-authority admit` and `expel` only"};
    return *std::move(list);
}

bool admit(const std::filesystem::path& file, const Admitted& relay) {
    const auto lock = lock_beside(file);
    auto list = load_admitted(file);
    const auto found = find(list, relay.identity);
    const bool fresh = found == list.end();
    if (fresh)
        list.push_back(relay);
    else
        *found = relay;
    if (list.size() > admitted_max)
        throw node::process::ConfigError{"2000 relays are admitted already; expel one first"};
    save(file, list);
    return fresh;
}

bool expel(const std::filesystem::path& file, const base::NodeId& identity, bool remember) {
    if (remember) {
        admit(file, {identity, {}, {}, 1, true});
        return true;
    }
    const auto lock = lock_beside(file);
    auto list = load_admitted(file);
    const auto found = find(list, identity);
    if (found == list.end()) return false;
    list.erase(found);
    save(file, list);
    return true;
}

}  // namespace nightjar::relay::authority

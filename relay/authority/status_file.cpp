#include "relay/authority/status_file.hpp"

#include <fstream>
#include <iterator>

#include "relay/authority/answers.hpp"
#include "sphinx/node/files/atomic_file.hpp"

namespace nightjar::relay::authority {

namespace {

constexpr auto name = "status.html";

}  // namespace

void write_status_file(const std::filesystem::path& folder, const directory::Document& document,
                       StatusRecord record, const Registry& registry,
                       const std::set<base::NodeId>& described) {
    for (auto& sentence : registry.unlisted(document, described))
        record.left_out.push_back(std::move(sentence));
    // Waits for no disk: the next document brings a new one.
    node::files::replace_file(folder / name, status_page(document, record),
                              node::files::Durability::rename_only);
}

std::optional<std::string> read_status_file(const std::filesystem::path& folder) {
    std::ifstream stream{folder / name, std::ios::binary};
    if (!stream) return std::nullopt;
    return std::string{std::istreambuf_iterator<char>{stream}, {}};
}

std::optional<node::https::Answer> status_answer(const std::filesystem::path& folder,
                                                 const node::https::Request& request) {
    if (path_of(request) != "/status.html") return std::nullopt;
    if (request.method != "GET" && request.method != "HEAD") {
        auto refused = line(405, "another method is needed");
        refused.allow = "GET, HEAD";
        return refused;
    }
    auto page = read_status_file(folder);
    if (!page) return line(404, "there is no document yet, so there is no page");
    node::https::Answer answer;
    answer.type = "text/html; charset=utf-8";
    answer.cache_control = "public, max-age=60";
    answer.body = *std::move(page);
    return answer;
}

}  // namespace nightjar::relay::authority

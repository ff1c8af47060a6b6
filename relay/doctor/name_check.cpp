#include "relay/doctor/name_check.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>

#include "relay/io/resolver.hpp"
#include "sphinx/directory/endpoint.hpp"

namespace nightjar::relay::doctor {

namespace {

using core::NameError;

const std::string local_resolver =
    "install unbound, which validates DNSSEC, and set exit.dns.servers to [\"127.0.0.1:53\"]";

struct Asked {
    base::IpEndpoint server;
    std::unique_ptr<io::Resolver> resolver;
    std::optional<core::NameAnswer> answer;
};

std::string text(const base::IpEndpoint& server) {
    return directory::to_text(directory::Endpoint{server.address.to_text(), server.port});
}

/// The servers that `pick` picks, as a text.
template <class Pick>
std::string those(const std::vector<Asked>& all, Pick pick) {
    std::string names;
    for (const auto& one : all)
        if (pick(one)) names += (names.empty() ? "" : ", ") + text(one.server);
    return names;
}

Finding answers(const std::vector<Asked>& all) {
    const auto silent = those(all, [](const Asked& one) {
        return !one.answer || (!*one.answer && one.answer->error() == NameError::failed);
    });
    if (!silent.empty())
        return bad("dns", "no answer from " + silent,
                   "start that name server, or name others in exit.dns.servers");
    const auto far = those(all, [](const Asked& one) { return !one.server.address.is_loopback(); });
    if (!far.empty())
        return warn("dns", "answers from " + far + " cross a network where they can be forged",
                    local_resolver);
    return ok("dns", "a name server on this machine answers");
}

Finding hijack(const std::vector<Asked>& all, const std::string& name) {
    const auto liars =
        those(all, [](const Asked& one) { return one.answer && one.answer->has_value(); });
    if (!liars.empty())
        return bad("dns_hijack", liars + " has an address for " + name + ", which cannot exist",
                   local_resolver);
    const auto knows = those(all, [](const Asked& one) {
        return one.answer && !*one.answer && one.answer->error() == NameError::no_address;
    });
    if (!knows.empty())
        return warn("dns_hijack", knows + " says that " + name + " exists, which cannot be",
                    local_resolver);
    return ok("dns_hijack", "no name server has an address for a name that cannot exist");
}

}  // namespace

std::string impossible_name(base::Random& random) {
    std::string name;
    for (int i = 0; i < 20; ++i)
        name += static_cast<char>('a' + random.below(26));
    return name + ".invalid";
}

Findings name_servers(const std::vector<base::IpEndpoint>& servers, base::Random& random) {
    boost::asio::io_context io;
    const auto asked = servers.empty() ? io::Resolver{io.get_executor(), {}}.servers() : servers;
    const auto name = impossible_name(random);
    std::vector<Asked> all(asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
        auto& one = all[i];
        one.server = asked[i];
        one.resolver = std::make_unique<io::Resolver>(io.get_executor(), std::vector{one.server});
        one.resolver->addresses(name, core::Family::v4,
                                [&one](const core::NameAnswer& answer) { one.answer = answer; });
    }
    const auto waits = [&] {
        return std::any_of(all.begin(), all.end(), [](const auto& one) { return !one.answer; });
    };
    while (waits() && io.run_one_for(std::chrono::seconds{10}) > 0) {
    }
    return {answers(all), hijack(all, name)};
}

}  // namespace nightjar::relay::doctor

// An attacker with an authority's keys. It gives a different vote to each authority that asks,
// sends nonsense and far too much, and drops the descriptors that it says it has taken.
#pragma once

#include <boost/asio/ip/address.hpp>

#include "relay/authority/core/bundle.hpp"
#include "relay/authority/settings.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/https/server.hpp"

namespace nightjar::test {

namespace core = relay::authority::core;

class LyingAuthority {
 public:
    /// Takes the place of the authority in this folder, which must not run. `tasks` must outlive
    /// it, and must be cancelled and awaited before.
    LyingAuthority(boost::asio::any_io_executor executor, node::process::TaskGroup& tasks,
                   const std::filesystem::path& folder)
        : settings_{relay::authority::load_settings(folder)},
          council_{
              core::Council::of(node::config::load_anchors_file(folder / "network.yaml").anchors)},
          signer_{council_,
                  node::files::read_key(folder / "authority.key", node::files::KeyKind::authority)},
          server_{std::move(executor),
                  {boost::asio::ip::make_address(settings_.listen.host), settings_.listen.port},
                  "listen",
                  node::files::read_key(folder / "service.key", node::files::KeyKind::service),
                  [this](const node::https::Request& request) { return answer(request); },
                  tasks,
                  limits()} {
        tasks.spawn("lying authority", server_.run());
    }
    std::size_t answers() const { return answers_; }

 private:
    static node::https::ServerLimits limits() {
        node::https::ServerLimits limits;
        limits.rate = {1000, 1000};
        return limits;
    }
    node::https::Answer answer(const node::https::Request& request) {
        node::https::Answer made;
        if (request.method == "POST") return made;
        switch (answers_++ % 4) {
            case 0:
                made.body = std::string(8 << 20, 'x');
                break;
            case 1:
                made.body = std::string(1000, '\x01');
                break;
            default:
                made.body = base::as_text(core::encode(votes()));
        }
        return made;
    }
    core::Bundle votes() {
        const auto now = std::chrono::floor<base::Milliseconds>(std::chrono::system_clock::now());
        const auto epoch = directory::epoch_at(now, settings_.terms.parameters.epoch_length);
        core::Bundle bundle;
        for (const auto at : {epoch, epoch.next()})
            for (const auto kind :
                 {core::Kind::proposal, core::Kind::prevote, core::Kind::precommit})
                for (std::uint32_t round = 0; round < 4; ++round)
                    if (kind != core::Kind::proposal ||
                        council_.proposer(at, round) == signer_.authority())
                        bundle.emplace_back(signer_.sign({kind,
                                                          at,
                                                          round,
                                                          core::no_round,
                                                          random_.id<core::ValueId>(),
                                                          {},
                                                          {}}));
        return bundle;
    }

    relay::authority::Settings settings_;
    core::Council council_;
    core::Signer signer_;
    base::SeededRandom random_{8};
    std::size_t answers_ = 0;
    node::https::Server server_;
};

}  // namespace nightjar::test

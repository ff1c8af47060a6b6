#include "tests/lab/attacks/held_link.hpp"

#include <limits>

#include "tests/lab/world/law_world.hpp"

namespace nightjar::lab::attacks {
namespace {

/// Longer than a client waits for an exit before it takes the exit for dead.
constexpr base::Seconds silent_for{40}, silent_every{90};

class HeldClient {
 public:
    explicit HeldClient(const HeldLinkOptions& options)
        : options_{options}, random_{options.seed}, world_{world_options(options)} {
        world_.run_for(held_from);
        begun_ = world_.now();
        world_.meddle = [this](bool up, base::Mono at) { return meddle(up, at); };
    }

    std::vector<double> run() {
        std::vector<double> first(world_.exits(), std::numeric_limits<double>::infinity());
        for (double passed = 0; passed < options_.seconds; passed += 0.5) {
            for (const auto& session : world_.core().status(world_.now()).sessions)
                for (std::size_t i = 0; i < first.size(); ++i)
                    if (world_.exit_id(i) == session.exit) first[i] = std::min(first[i], passed);
            if (options_.disturbance == Disturbance::cut) cut_or_mend();
            if (options_.disturbance == Disturbance::exits_silent)
                for (std::size_t i = 0; i < world_.exits(); ++i)
                    world_.exit(i).silent = (world_.now() - begun_) % silent_every < silent_for;
            world_.run_for(base::Milliseconds{500});
        }
        return first;
    }

 private:
    static world::LawOptions world_options(const HeldLinkOptions& options) {
        world::LawOptions law;
        law.seed = law.client_seed = options.seed;
        law.exits = options.exits;
        law.parameters.session_lifetime = options.session_lifetime;
        return law;
    }
    /// What is left of the interval at `at`; zero outside of one.
    base::Nanoseconds left(base::Mono at) const {
        const auto passed = (at - begun_) % base::Nanoseconds{held_every};
        return std::max(base::Nanoseconds{}, held_for - passed);
    }
    std::optional<base::Nanoseconds> meddle(bool up, base::Mono at) {
        const auto rest = left(at);
        const bool held = rest.count() > 0;
        switch (options_.disturbance) {
            case Disturbance::none:
            case Disturbance::cut:
            case Disturbance::exits_silent:
                break;
            case Disturbance::down_held:
                if (!up) return rest;
                break;
            case Disturbance::down_dropped:
                if (!up && held) return std::nullopt;
                break;
            case Disturbance::down_thinned:
                if (!up && random_.unit() < 0.9) return std::nullopt;
                break;
            case Disturbance::up_dropped:
                if (up && held) return std::nullopt;
                break;
        }
        return base::Nanoseconds{};
    }
    void cut_or_mend() {
        const bool wanted = left(world_.now()).count() == 0;
        if (wanted == linked_) return;
        linked_ = wanted;
        linked_ ? world_.connect() : world_.disconnect();
    }

    HeldLinkOptions options_;
    base::SeededRandom random_;
    world::LawWorld world_;
    base::Mono begun_{};
    bool linked_ = true;
};

}  // namespace

const char* to_string(Disturbance disturbance) {
    switch (disturbance) {
        case Disturbance::none:
            return "left alone";
        case Disturbance::down_held:
            return "downlink held";
        case Disturbance::down_dropped:
            return "downlink dropped";
        case Disturbance::down_thinned:
            return "downlink thinned";
        case Disturbance::up_dropped:
            return "uplink dropped";
        case Disturbance::cut:
            return "link cut";
        case Disturbance::exits_silent:
            return "exits silent";
    }
    return "";
}

std::vector<double> first_sessions(const HeldLinkOptions& options) {
    return HeldClient{options}.run();
}

}  // namespace nightjar::lab::attacks

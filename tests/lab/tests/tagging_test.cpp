// The laboratory sees a network that reacts to a tagged packet, and sees that the product's does
// not.
#include <doctest/doctest.h>

#include "tests/lab/attacks/tagged_world.hpp"

using namespace nightjar;
using namespace nightjar::lab::attacks;

namespace {

/// Cells of a run that differ from those of the calm one with the same seed.
struct Apart {
    std::size_t before_the_first_end = 0;
    std::size_t on_client_links = 0;
    std::size_t anywhere = 0;
};

Apart apart(const AttackedClients& attacked, const AttackedClients& quiet) {
    const auto early = [&](const SeenCell& cell) { return cell.at < attacked.first_end; };
    const auto client = [](const SeenCell& cell) { return cell.client_link; };
    return {differing(only(attacked.trace, early), only(quiet.trace, early)),
            differing(only(attacked.trace, client), only(quiet.trace, client)),
            differing(attacked.trace, quiet.trace)};
}

}  // namespace

TEST_CASE("tagging: a relay that answers a tagged packet shows between the mixes") {
    const TagAttack calm{"calm", Whose::nobodys, What::tagged};
    const auto quiet = run_attacked(1, calm);

    const auto all = run_attacked(1, {"loops", Whose::loops, What::tagged});
    CHECK(all.touched > 1000);
    CHECK(apart(all, quiet).anywhere == 0);
    const auto answering = run_attacked(1, {"loops answered", Whose::loops, What::answered});
    CHECK(apart(answering, quiet).anywhere > 1000);

    const auto some = run_attacked(1, {"some", Whose::session_some, What::tagged});
    CHECK(apart(some, quiet).before_the_first_end == 0);
    CHECK(apart(some, quiet).on_client_links == 0);
    const auto noisy = run_attacked(1, {"some answered", Whose::session_some, What::answered});
    CHECK(noisy.touched == some.touched);
    CHECK(differing(noisy.trace, some.trace) > some.touched / 2);
}

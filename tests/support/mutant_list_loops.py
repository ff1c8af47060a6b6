"""Mutants of loops of authorities, short epochs' keys, open relays in two prefixes, and parameters of a later epoch."""
from mutant_list import CORE, SYSTEM, UNIT, mutant

LOSSES = "relay/authority/core/loop_losses.cpp"
LOOPER = "relay/authority/looper.cpp"
REACH = "relay/authority/reach.cpp"
JUDGE = "relay/authority/sweep_judge.cpp"
TIMES = "sphinx/directory/key_times.hpp"
HONEST = "loop losses: of honest relays that lose some packets none is stated"
THIRD = "loop losses: a relay that loses a third is stated, and no other one"
SEVERAL = "loop losses: several bad relays are told apart, also in the smallest network"
ACCUSED = "loop losses: bad neighbours cannot have a good relay stated"
LATELY = "loop losses: what lasts for less than three sweeps, or is over, states nothing"
APART = "loop losses: what cannot be told apart is not stated, nor more than half of a position"
BOUNDED = "loop losses: a sweep is bounded, and reaches each gateway"
STATED = "reach: a relay that loses packets is stated and told, until a sweep shows that it does not"
ANEW = "reach: a relay that was left out for losing packets begins anew after 12 epochs"
OFF = "reach: one that lost packets and was switched off begins anew"
LOOPS = "looper: a mix that changes loops is stated, as if it lost them"
WAITS = "looper: without a document, or a gateway that can be reached, it waits"
OVER = "key times: those of two minutes hold for every longer epoch, and shrink below"
TWO = "open places: relays that name two prefixes delay no agreement"

MUTANTS = [
    mutant("loss-at-any-share", LOSSES, "whole.shares[relay] > loss_limit && lost_lately(relay)", "lost_lately(relay) || relay + 1 > 0",
           CORE, LATELY),
    mutant("loss-without-evidence", LOSSES, "free.log_likelihood - bounded.log_likelihood) < loss_evidence",
           "free.log_likelihood - bounded.log_likelihood) < 0 * loss_evidence", CORE, APART),
    mutant("loss-with-all-neighbours", LOSSES, "kept = kept && !worst[side].contains(neighbour);",
           "kept = kept && worst[side].size() <= neighbour + 1000;", CORE, ACCUSED),
    mutant("loss-stays-after-a-good-sweep", LOSSES,
           "return static_cast<double>(lost) > loss_limit * static_cast<double>(loops);",
           "return static_cast<double>(lost) >= 0 * static_cast<double>(loops);", CORE, LATELY),
    mutant("loss-after-one-sweep", LOSSES, "if (sweeps_.size() < sweeps_needed) return false;",
           "if (sweeps_.size() < sweeps_needed) return !sweeps_.empty();", CORE, LATELY),
    mutant("losses-close-a-position", LOSSES, "return 2 * failed[position] > listed[position];",
           "return failed[position] > listed[position];", CORE, APART),
    mutant("a-loss-is-the-gateways", LOSSES, "passes *= 1 - shares[loop.at[i]];", "passes *= 1 - shares[loop.at[0]];", CORE, THIRD),
    mutant("loops-without-a-bound", LOSSES, "if (sweeps_.empty() || sweeps_.back().size() >= loops_a_sweep) return;",
           "if (sweeps_.empty()) return;", CORE, BOUNDED),
    mutant("forgotten-loops-count", LOSSES, "if (found == places_.end()) return;\n    for (auto& sweep : sweeps_)",
           "if (found == places_.end() || !sweeps_.empty()) return;\n    for (auto& sweep : sweeps_)", CORE, LATELY),
    mutant("changed-loops-have-returned", LOOPER, "found->second.returned = bool{packet::recover(found->second.recovery, payload)};",
           "found->second.returned = !payload.empty();", SYSTEM, LOOPS),
    mutant("lost-loops-are-not-recorded", LOOPER, "losses.record(loop.way, loop.returned);",
           "if (loop.returned) losses.record(loop.way, loop.returned);", SYSTEM, LOOPS),
    mutant("loops-with-one-key", LOOPER, "const auto identity = std::make_shared<node::link::TlsIdentity>(fresh_seed());",
           "static const auto one = fresh_seed();\n    const auto identity = std::make_shared<node::link::TlsIdentity>(one);",
           SYSTEM, LOOPS),
    mutant("loops-to-private-addresses", LOOPER, "dialable(gateway.addresses, options_.lab)", "dialable(gateway.addresses, true)",
           SYSTEM, WAITS),
    mutant("sweep-judged-on-the-io-thread", JUDGE, "asio::post(thread_, [held,", "asio::dispatch(io_, [held,", SYSTEM,
           "sweep judge: the I/O thread goes on while a sweep is judged"),
    mutant("loss-is-kept-in-secret", REACH, "    for (const auto& [relay, losing] : losing_)\n        all.insert(relay);",
           "", UNIT, STATED),
    mutant("loss-ends-without-loops", REACH, "return document.find(held.first) != nullptr && !found.contains(held.first);",
           "return !found.contains(held.first);", UNIT, ANEW),
    mutant("loss-for-ever", REACH, "document.epoch.value >= losing.unlisted->value + core::epochs_unlisted;",
           "document.epoch.value >= losing.unlisted->value + 100 * core::epochs_unlisted;", UNIT, ANEW),
    mutant("loss-outlives-a-restart", REACH, "const bool over = !described.contains(relay) ||", "const bool over =", UNIT, OFF),
    mutant("short-epochs-with-long-keys", TIMES, "std::min(epoch_length, epoch_length_least)", "std::max(epoch_length, epoch_length_least)",
           CORE, OVER),
    mutant("short-epochs-for-all", "sphinx/directory/lint.cpp", "if (!parameters.lab && parameters.epoch_length < epoch_length_least)",
           "if (parameters.lab && parameters.epoch_length < epoch_length_least)", CORE, "an authority refuses what could not work, and says why"),
    mutant("short-epoch-of-a-client", "client/core/epoch_switch.hpp", "directory::KeyTimes::of(epoch_length);",
           "directory::KeyTimes::of(2 * epoch_length);", CORE,
           "epoch switch: drawn between three eighths and an eighth of an epoch of a minute"),
    mutant("open-relay-in-two-prefixes-is-insisted-on", "relay/authority/core/driver.cpp",
           "taken.in_two_prefixes && at != running_.end())", "taken.in_two_prefixes && at == running_.end())", CORE, TWO),
    mutant("open-relay-in-two-prefixes-is-not-seen", "relay/authority/core/offers.cpp", "in_two_prefixes_.insert(relay);\n            return {{}, false, true};",
           "return {};", CORE, TWO),
    mutant("new-network-without-loops", "relay/authority/settings.cpp", '"loops: true  # measures', '"loops: false  # measures', UNIT,
           "authority.yaml: a new authority measures relays by loops, an older one does as it did"),
    mutant("loops-without-a-line", "relay/authority/settings.cpp", 'map.optional<bool>("loops", false)', 'map.optional<bool>("loops", true)', UNIT,
           "authority.yaml: a new authority measures relays by loops, an older one does as it did"),
    mutant("parameters-change-an-epoch-late", "relay/authority/core/builder.hpp", "epoch >= change->from ?", "epoch > change->from ?",
           CORE, "driver: parameters that were configured for an epoch come with its document, in no other"),
    mutant("one-authority-changes-parameters-late", "relay/authority/terms.cpp", "epoch >= change->from ?", "epoch > change->from ?",
           UNIT, "authority.yaml: parameters of a later epoch hold from that epoch on"),
    mutant("epoch-length-changes-with-an-epoch", "relay/authority/terms.cpp", "change.parameters.epoch_length != now.epoch_length ||",
           "", UNIT, "authority.yaml: what follows from an epoch's number cannot change with one"),
    mutant("later-parameters-are-not-looked-at", "relay/authority/terms.cpp", "directory::lint_parameters(change.parameters);",
           "directory::lint_parameters(now);", UNIT,
           "authority.yaml: parameters that no document may have are refused long before their epoch"),
]

// The experiments of the laboratory, in the order in which tests/lab/run runs them.
#pragma once

#include "tests/lab/measure/experiment.hpp"

namespace nightjar::lab::experiments {

/// The experiments, in the order in which `lab` runs them.
void speed(const measure::Options& options,
           measure::Report& report);  // a benchmark: figures, no verdict
void mixing(const measure::Options& options,
            measure::Report& report);  // one relay's entropy, held times, order
/// A part of `mixing`: the laws of mixing side by side.
void mixing_laws(const measure::Options& options, measure::Report& report);
void observer(const measure::Options& options, measure::Report& report);  // sees every wire
void linking(const measure::Options& options,
             measure::Report& report);  // flows matched from end to end
void gateway(const measure::Options& options, measure::Report& report);  // the client's own gateway
void headers(const measure::Options& options,
             measure::Report& report);  // what an exit reads names the client
/// A part of `routes`: 90 days of a client's exits and kept mixes.
void lasting(const measure::Options& options, measure::Report& report);
void handovers(const measure::Options& options,
               measure::Report& report);  // connect times and exits' totals name a client's exit
/// A bad exit that watches a whole session, with the clients' links, a gateway or another exit.
void sessions(const measure::Options& options, measure::Report& report);
/// Wrong clocks, as exits, gateways and links see them.
void clocks(const measure::Options& options, measure::Report& report);
void routes(const measure::Options& options,
            measure::Report& report);  // an adversary that runs some relays
void operators(const measure::Options& options,
               measure::Report& report);  // an exit or gateway names the other end's operator
void active(const measure::Options& options, measure::Report& report);  // n-1, tagging, replay
/// A client whose link is disturbed, so that it takes honest exits for dead.
void held(const measure::Options& options, measure::Report& report);
/// A bad gateway or mix drops packets of a client, and a bad exit looks for the gap.
void drops(const measure::Options& options, measure::Report& report);
/// A client's line that is not even, or is held up in turns, and a bad exit.
void exchange(const measure::Options& options, measure::Report& report);
/// A server that keeps streams open, and lines that stall.
void target(const measure::Options& options, measure::Report& report);
/// The relays' metrics, all scraped by one reader: has a user moved 1 MB?
void metrics(const measure::Options& options, measure::Report& report);
/// Compares the running product with its simulation, if options.capture names a file. Throws if the
/// file cannot be read.
void capture(const measure::Options& options, measure::Report& report);

}  // namespace nightjar::lab::experiments

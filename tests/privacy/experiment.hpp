// What every experiment of the laboratory shares: how large it is to be, and where its results go.
// An experiment is a function of Options alone: the same options give the same rows, whatever the
// machine does.
#pragma once

#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace nightjar::privacy {

struct Options {
    std::uint64_t seed = 1;     // the first one; a run that needs several counts up from it
    bool full = false;          // the sizes that the documents quote; else what fits into minutes
    std::uint32_t seeds = 0;    // networks of each kind; 0: the experiment's own choice
    std::uint32_t clients = 0;  // in each network; likewise
    double seconds = 0;         // of each window; likewise
    std::uint64_t bytes = 0;    // observer: only transfers of this size; 0: all of the form's
    std::string capture;        // what deploy/demo --lab has observed

    /// What was asked for on the command line, else what the experiment chooses for its form.
    template <class T>
    T or_else(T asked, T reduced, T whole) const {
        return asked != T{} ? asked : full ? whole : reduced;
    }
};

/// Results as JSON lines, one object each, and verdicts on them. Prints a verdict as it is given.
class Report {
 public:
    /// `lines` may be nullptr: then only the verdicts are shown. Not owned.
    explicit Report(std::FILE* lines) : lines_{lines} {}

    /// One result. `kind` says which columns it has: a plot takes the rows of one kind.
    void row(const std::string& experiment, const std::string& kind, nlohmann::json columns);
    /// A claim: `value` must be at most (or at least) `limit`.
    void at_most(const std::string& what, double value, double limit);
    void at_least(const std::string& what, double value, double limit);
    /// A sign of life on stderr, at most one in 5 seconds.
    void progress(const std::string& what, double share);

    unsigned passed() const { return passed_; }
    unsigned failed() const { return failed_; }

 private:
    void verdict(const std::string& what, double value, const char* relation, double limit,
                 bool holds);

    std::FILE* lines_;
    unsigned passed_ = 0;
    unsigned failed_ = 0;
    std::int64_t last_progress_s_ = 0;
};

/// The experiments, in the order in which `lab` runs them.
void speed(const Options& options, Report& report);     // packet hops a second
void mixing(const Options& options, Report& report);    // one relay's entropy, held times, order
void observer(const Options& options, Report& report);  // who sees every wire
void linking(const Options& options, Report& report);   // flows matched from end to end
void gateway(const Options& options, Report& report);   // the client's own gateway
void routes(const Options& options, Report& report);    // a share of bad relays
void active(const Options& options, Report& report);    // n-1, tagging, replay
/// The running product against its simulation; only if options.capture names a file. Throws if that
/// cannot be read.
void capture(const Options& options, Report& report);

}  // namespace nightjar::privacy

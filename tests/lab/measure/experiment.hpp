// What all experiments of the laboratory share: their size, and the output of their results. An
// experiment depends only on Options: the same options give the same rows on every machine.
#pragma once

#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace nightjar::lab::measure {

struct Options {
    std::uint64_t seed = 1;      // the first seed; a run that needs several counts up from it
    bool full = false;           // the sizes quoted in docs/; otherwise reduced, for minutes
    std::uint32_t seeds = 0;     // networks of each kind; 0: the experiment's default
    std::uint32_t clients = 0;   // clients in each network; 0: the default
    double seconds = 0;          // length of each window; 0: the default
    std::uint32_t hours = 0;     // handovers: a network in use for so long, with real lifetimes
    std::uint32_t exits = 0;     // handovers, with hours: exits, and mixes in each layer
    std::uint32_t lifetime = 0;  // handovers, with hours: of a session, seconds
    std::uint64_t bytes = 0;     // observer: only transfers of this size; 0: all sizes
    std::string capture;         // a file written by deploy/demo --lab

    /// The value from the command line if given, else the default for the reduced or the full size.
    template <class T>
    T or_else(T asked, T reduced, T whole) const {
        return asked != T{} ? asked : full ? whole : reduced;
    }
};

/// Writes results as JSON lines, one object per line, and prints the verdicts.
class Report {
 public:
    /// `lines` may be nullptr: then only the verdicts are printed. Not owned.
    explicit Report(std::FILE* lines) : lines_{lines} {}
    /// Judges and counts, and shows nothing: for tests of the verdicts themselves.
    static Report silent() {
        Report report{nullptr};
        report.shown_ = false;
        return report;
    }

    /// Writes one result. `kind` determines its columns: a plot reads the rows of one kind.
    void row(const std::string& experiment, const std::string& kind, nlohmann::json columns);
    /// A verdict: passes if `value` is at most (or at least) `limit`.
    void at_most(const std::string& what, double value, double limit);
    void at_least(const std::string& what, double value, double limit);
    /// Prints the progress on stderr, at most once in 5 seconds.
    void progress(const std::string& what, double share);

    unsigned passed() const { return passed_; }
    unsigned failed() const { return failed_; }

 private:
    void verdict(const std::string& what, double value, const char* relation, double limit,
                 bool holds);

    std::FILE* lines_;
    bool shown_ = true;
    unsigned passed_ = 0;
    unsigned failed_ = 0;
    std::int64_t last_progress_s_ = 0;
};

}  // namespace nightjar::lab::measure

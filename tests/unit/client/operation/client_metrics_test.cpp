#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "client/operation/metrics.hpp"

using namespace nightjar;
using client::operation::metrics_rows;
using client::operation::metrics_text;
using client::operation::MetricsFacts;

namespace {

constexpr base::Wall started{base::Seconds{1'800'000'000}};

/// The lines that are samples.
std::string samples(const std::string& text) {
    std::string found;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        if (text[at] != '#') found += text.substr(at, end + 1 - at);
        at = end + 1;
    }
    return found;
}

}  // namespace

TEST_CASE("client metrics: each fact has a name of its own") {
    const MetricsFacts facts{
        "0.1.0", started, "offline", true, "silent", base::Epoch{7}, started + base::Seconds{60},
        false};
    CHECK(samples(metrics_text(facts)) ==
          "nightjar_client_build_info{version=\"0.1.0\"} 1\n"
          "nightjar_client_state{state=\"offline\"} 1\n"
          "nightjar_client_link_up 1\n"
          "nightjar_client_problem{problem=\"silent\"} 1\n"
          "nightjar_client_epoch 7\n"
          "nightjar_client_directory_valid_until_timestamp_seconds 1800000060\n"
          "nightjar_client_clock_synchronised 0\n"
          "process_start_time_seconds 1800000000\n");
    CHECK(metrics_text(facts).starts_with(
        "# HELP nightjar_client_build_info The version of the program; always 1.\n"
        "# TYPE nightjar_client_build_info gauge\n"));
}

TEST_CASE("client metrics: what is not known yet has no sample and no name") {
    const auto text = metrics_text({"0.1.0", started, "starting"});
    CHECK(samples(text) ==
          "nightjar_client_build_info{version=\"0.1.0\"} 1\n"
          "nightjar_client_state{state=\"starting\"} 1\n"
          "nightjar_client_link_up 0\n"
          "process_start_time_seconds 1800000000\n");
    for (const auto* absent : {"problem", "epoch", "directory", "clock"})
        CHECK(text.find(absent) == std::string::npos);
}

TEST_CASE("client metrics: the table of docs/client.md is what is declared, byte for byte") {
    std::ifstream page{NIGHTJAR_SOURCE_DIR "/docs/client.md"};
    REQUIRE(page.good());
    std::string rows;
    for (std::string line; std::getline(page, line);)
        if (line.starts_with("| `nightjar_client_") || line.starts_with("| `process_"))
            rows += line + "\n";
    INFO("the table should be:\n" << metrics_rows());
    CHECK(rows == metrics_rows());
}

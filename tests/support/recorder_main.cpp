// nightjar-recorder LISTEN TARGET FILE: forwards TCP from LISTEN to TARGET (both ADDRESS:PORT) and
// writes one JSON line per TLS record to FILE: t (Unix time in seconds), connection, direction (up:
// towards TARGET), type, length. Ends at SIGINT or SIGTERM.
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/support/recorder.hpp"

namespace {

namespace asio = boost::asio;
using nightjar::tests::Direction;
using nightjar::tests::Record;
using nightjar::tests::Recorder;

asio::ip::tcp::endpoint parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    std::uint16_t port = 0;
    if (colon == text.npos) throw std::invalid_argument{"expected ADDRESS:PORT"};
    const std::string_view digits = text.substr(colon + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size())
        throw std::invalid_argument{"expected ADDRESS:PORT"};
    std::string host{text.substr(0, colon)};
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    return {asio::ip::make_address(host), port};
}

// Reads the wall clock once at the start, then adds steady time, so that setting the clock has no
// effect.
class UnixTime {
 public:
    double operator()(nightjar::base::Mono at) const {
        return start_wall_ + std::chrono::duration<double>(at - start_mono_).count();
    }

 private:
    nightjar::base::Mono start_mono_ = std::chrono::steady_clock::now();
    double start_wall_ =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
};

void run(const char* listen, const char* target, const char* file) {
    std::ofstream out{file, std::ios::trunc};
    if (!out) throw std::runtime_error{std::string{"cannot write "} + file};
    const UnixTime unix_time;
    const auto write_line = [&](const Record& record) {
        char line[160];
        std::snprintf(
            line, sizeof line,
            "{\"t\":%.6f,\"connection\":%u,\"direction\":\"%s\",\"type\":%u,\"length\":%u}\n",
            unix_time(record.at), record.connection,
            record.direction == Direction::up ? "up" : "down", record.type, record.length);
        out << line << std::flush;  // a concurrent reader sees every record at once
    };
    asio::io_context io{1};
    Recorder recorder{io.get_executor(), parse(listen), parse(target), write_line};
    asio::signal_set signals{io, SIGINT, SIGTERM};
    signals.async_wait([&](boost::system::error_code, int) { recorder.stop(); });
    std::printf("recording\n");
    std::fflush(stdout);
    io.run();  // returns when the recorder has stopped
    out.flush();
    if (!out) throw std::runtime_error{std::string{"cannot write "} + file};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: nightjar-recorder LISTEN TARGET FILE\n");
        return 2;
    }
    try {
        run(argv[1], argv[2], argv[3]);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "nightjar-recorder: %s\n", failure.what());
        return 1;
    }
    return 0;
}

#include "tests/bench/relay_load/stages.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace nightjar::bench {

namespace {

bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

/// A part of a name and the stage that it means; the first that fits decides.
struct Rule {
    const char* part;
    const char* stage;
};

constexpr std::array kernel_rules{
    Rule{"finish_task_switch", "wake-ups"},
    Rule{"schedule", "wake-ups"},
    Rule{"futex", "wake-ups"},
    Rule{"ttwu", "wake-ups"},
    Rule{"try_to_wake", "wake-ups"},
    Rule{"epoll", "wake-ups"},
    Rule{"ep_", "wake-ups"},
    Rule{"timerfd", "wake-ups"},
    Rule{"hrtimer", "wake-ups"},
    Rule{"", "system calls"},
};
constexpr std::array program_rules{
    Rule{"ReplayFilter", "replay"},
    Rule{"prefetch_replay_tag", "replay"},
    Rule{"MixQueue", "mix"},
    Rule{"HeldPacket", "mix"},
    Rule{"boost::", "event loop"},
    Rule{"node::link", "links"},
    Rule{"io::Links", "links"},
    Rule{"relay::io", "event loop"},
    // The relay's own loops, and the few packets that this thread unwraps itself.
    Rule{"relay::core::Cover", "crypto, I/O thread"},
    Rule{"nightjar::crypto", "crypto, I/O thread"},
    Rule{"nightjar::packet", "crypto, I/O thread"},
    Rule{"", "decisions"},
};

template <std::size_t N>
const char* first_of(const std::array<Rule, N>& rules, const std::string& name) {
    for (const auto& rule : rules)
        if (has(name, rule.part)) return rule.stage;
    return "";
}

}  // namespace

std::string stage_of(const std::string& function, const std::string& object, bool io) {
    if (has(object, "kernel")) return first_of(kernel_rules, function);
    if (!io) return "unwrap, workers";
    // The libraries have names for few of their functions, so in and out are one.
    if (has(object, "libcrypto") || has(object, "libssl")) return "TLS";
    if (has(object, "libsodium")) return "crypto, I/O thread";
    if (has(object, "libc.so") || has(object, "libstdc++")) return "memory";
    return first_of(program_rules, function);
}

Sampler::Sampler(pid_t process) : process_{process} {
    const auto file = (folder_.path() / "perf.data").string();
    const auto target = std::to_string(process);
    perf_ = ::fork();
    if (perf_ == 0) {
        const int nothing = ::open("/dev/null", O_RDWR);
        ::dup2(nothing, 1);
        ::dup2(nothing, 2);
        ::execlp("perf", "perf", "record", "-F", "4000", "-p", target.c_str(), "-o", file.c_str(),
                 static_cast<char*>(nullptr));
        ::_exit(127);
    }
    ::usleep(300'000);  // perf opens its counters
    if (perf_ < 0 || ::waitpid(perf_, nullptr, WNOHANG) != 0) {
        perf_ = -1;
        throw std::runtime_error{"perf does not start"};
    }
}

Sampler::~Sampler() {
    stop();
}

void Sampler::stop() {
    if (perf_ < 0) return;
    ::kill(perf_, SIGINT);
    ::waitpid(perf_, nullptr, 0);
    perf_ = -1;
}

std::map<std::string, double> Sampler::shares() {
    stop();
    const auto command = "perf script -i '" + (folder_.path() / "perf.data").string() +
                         "' -F tid,ip,sym,dso 2>/dev/null";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> script{::popen(command.c_str(), "r"),
                                                                 ::pclose};
    std::map<std::string, double> stages;
    double samples = 0;
    std::array<char, 4096> line{};
    while (script && std::fgets(line.data(), line.size(), script.get()) != nullptr) {
        // "  TID  ADDRESS FUNCTION (OBJECT)"; a function's name may hold spaces.
        const std::string text{line.data()};
        std::istringstream fields{text};
        long thread = 0;
        std::string address;
        if (!(fields >> thread >> address)) continue;
        const auto object = text.rfind('(');
        if (object == std::string::npos) continue;
        const auto name = text.find(address) + address.size();
        ++stages[stage_of(text.substr(name, object - name), text.substr(object),
                          thread == process_)];
        ++samples;
    }
    for (auto& [stage, share] : stages)
        share /= samples;
    return stages;
}

}  // namespace nightjar::bench

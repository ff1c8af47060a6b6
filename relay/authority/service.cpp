#include "relay/authority/service.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "relay/authority/authority.hpp"
#include "relay/authority/looper.hpp"
#include "relay/authority/member.hpp"
#include "relay/authority/peers.hpp"
#include "relay/authority/prober.hpp"
#include "relay/authority/status_file.hpp"
#include "relay/authority/sweep_judge.hpp"
#include "sphinx/base/log_bounds.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/files/unique_fd.hpp"
#include "sphinx/node/https/server.hpp"
#include "sphinx/node/process/activation.hpp"
#include "sphinx/node/process/clock_guard.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"
#include "sphinx/node/process/process.hpp"
#include "sphinx/node/process/sandbox.hpp"
#include "sphinx/node/process/service_manager.hpp"
#include "sphinx/node/process/shutdown.hpp"

namespace nightjar::relay::authority {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using node::process::as_result;
using node::process::Level;
using node::process::log;

namespace {

constexpr base::Seconds tick_period{1};
constexpr base::Milliseconds member_tick_period{200};
constexpr base::Milliseconds close_max{1000};
constexpr base::Seconds bug_window{3600};  // as a relay's metrics

/// The time that this authority goes by, across restarts within one boot: a file with the boot's
/// id and the difference of the two clocks (docs/decisions/0038).
class KeptClock {
 public:
    explicit KeptClock(fs::path file)
        : file_{std::move(file)}, guard_{node::process::read_clocks(), kept()} {}

    base::Wall now() {
        const auto wall = guard_.look(node::process::read_clocks());
        const auto difference =
            wall.time_since_epoch() - std::chrono::floor<base::Milliseconds>(guard_.last().boot);
        if (std::chrono::abs(difference - written_) > base::Seconds{1}) try_to_write(difference);
        if (guard_.jumped() != jumped_) say();
        return wall;
    }

 private:
    /// A full disk must not end an authority that has documents to serve. The next look tries
    /// again.
    void try_to_write(base::Milliseconds difference) {
        try {
            write(difference);
        } catch (const std::system_error& error) {
            log(Level::warning, std::string{"the clock cannot be kept: "} + error.what());
        }
    }
    static std::string boot_id() {
        std::string id;
        std::ifstream{"/proc/sys/kernel/random/boot_id"} >> id;
        return id;
    }
    std::optional<base::Milliseconds> kept() const {
        std::ifstream stream{file_};
        std::string boot;
        base::Milliseconds::rep difference = 0;
        if (!(stream >> boot >> difference) || boot != boot_id()) return std::nullopt;
        return base::Milliseconds{difference};
    }
    void write(base::Milliseconds difference) {
        node::files::replace_file(file_,
                                  boot_id() + " " + std::to_string(difference.count()) + "\n",
                                  node::files::Durability::rename_only);
        written_ = difference;
    }
    void say() {
        jumped_ = guard_.jumped();
        const auto clock = base::utc_text(guard_.last().wall);
        log(Level::warning,
            jumped_ ? "this machine's clock has jumped to " + clock + "; the authority goes by " +
                          base::utc_text(guard_.kept()) + " until it has stood for ten minutes"
                    : "the authority goes by this machine's clock again: " + clock);
    }

    fs::path file_;
    node::process::ClockGuard guard_;
    base::Milliseconds written_{};
    bool jumped_ = false;
};

asio::ip::tcp::endpoint to_asio(const directory::Endpoint& at) {
    return {asio::ip::make_address(at.host), at.port};
}

/// Only one process may sign with these keys.
node::files::UniqueFd lock(const fs::path& folder) {
    node::files::UniqueFd fd{::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        throw node::process::StartupError{
            node::process::ExitCode::failure,
            folder.string() + ": another nightjar-authority runs in this folder; stop it first"};
    return fd;
}

/// The other authorities ask up to four times a second each (where epochs are very short), and a
/// machine may have several of them.
node::https::ServerLimits limits(const Settings& settings,
                                 const node::config::AnchorsFile& network) {
    node::https::ServerLimits limits;
    if (settings.authorities == 1) return limits;
    limits.rate = {16, 480};
    for (const auto& service : network.services)
        limits.known.push_back(service.key);
    return limits;
}

base::Secret<32> service_seed(const fs::path& folder) {
    return node::files::read_key(folder / "service.key", node::files::KeyKind::service);
}

/// network.yaml must be what `assemble` would make of authority.yaml now.
void check_network(const fs::path& folder, const Settings& settings,
                   const node::config::AnchorsFile& network) {
    const auto file = (folder / "network.yaml").string();
    const auto& anchors = network.anchors;
    if (anchors.network != settings.terms.network ||
        anchors.authorities.size() != settings.authorities ||
        network.epoch_length != settings.terms.parameters.epoch_length)
        throw node::process::ConfigError{
            file + ": it does not fit authority.yaml; assemble the network again"};
}

class Daemon {
 public:
    Daemon(const fs::path& folder, Settings settings)
        : folder_{folder},
          name_{settings.terms.network},
          lock_{lock(folder)},
          network_{node::config::load_anchors_file(folder / "network.yaml")},
          clock_{folder / "clock"},
          shutdown_{io_.get_executor()},
          core_{io_.get_executor(),
                [this](const std::string& task, const std::string& what) {
                    log(Level::error, task + " died: " + what);
                    failed_ = true;
                    shutdown_.request();
                }},
          connections_{io_.get_executor(),
                       [this](const std::string& task, const std::string&) { bugs_.add(task); }},
          ending_{io_.get_executor(), [](const std::string&, const std::string&) { std::abort(); }},
          server_{io_.get_executor(),
                  to_asio(settings.listen),
                  "listen",
                  service_seed(folder),
                  [this](const auto& request) { return answer(request); },
                  connections_,
                  limits(settings, network_)} {
        node::process::refuse_unused_sockets("listen");
        if (settings.authorities == 1) {
            authority_.emplace(folder, settings, clock_.now());
        } else {
            check_network(folder, settings, network_);
            member_.emplace(folder, settings, network_, moment());
            peers_.emplace(network_, service_seed(folder), *member_, [this] { return moment(); });
        }
        prober_.emplace(
            authority_ ? authority_->tries() : member_->tries(),
            Prober::Options{directory::network_id(network_.anchors), settings.terms.parameters.lab,
                            [this] { return clock_.now(); }});
        if (settings.loops) start_looper(settings, directory::network_id(network_.anchors));
        shutdown_.add("close", close_max, [this] { return close(); });
        shutdown_.announce();
    }

    node::process::ExitCode run() {
        core_.spawn("signing", sign());
        if (peers_) peers_->start(core_);
        prober_->start(core_);
        if (looper_) looper_->start(core_);
        core_.spawn("https listener", server_.run());
        core_.spawn("watchdog", node::process::feed_watchdog({}));
        ending_.spawn("shutdown", shutdown_.run());
        std::ostringstream at;
        at << server_.local();
        std::printf("nightjar-authority %s ready %s\n", name_.c_str(), at.str().c_str());
        std::fflush(stdout);
        node::process::notify_ready("serves " + at.str());
        io_.run();
        if (const auto bugs = bugs_.rest()) log(Level::error, *bugs);
        if (core_.running() + connections_.running() + ending_.running() > 0)
            std::_Exit(static_cast<int>(node::process::ExitCode::failure));
        return failed_ ? node::process::ExitCode::failure : node::process::ExitCode::ok;
    }

 private:
    void start_looper(const Settings& settings, const base::NetworkId& network) {
        auto& reach = authority_ ? authority_->reach() : member_->reach();
        Looper::Options options;
        options.network = network;
        options.lab = settings.terms.parameters.lab;
        options.period = std::chrono::floor<base::Seconds>(reach.tries().part());
        options.now = [this] { return clock_.now(); };
        options.document = [this, &reach] { return reach.document(clock_.now()); };
        options.swept = [this, &reach](Looper::DocumentRef document) {
            return judge_sweep(reach, std::move(document));
        };
        looper_.emplace(reach.losses(), std::move(options));
    }
    asio::awaitable<void> judge_sweep(Reach& reach, Looper::DocumentRef document) {
        const auto found = co_await judge_.judge(reach.losses(), document);
        reach.swept(*document, found, clock_.now());
    }
    asio::awaitable<void> sign() {
        for (;;) {
            if (authority_) authority_->tick(clock_.now());
            if (member_) member_->tick(moment());
            if (const auto bugs = bugs_.due(clock_.now())) log(Level::error, *bugs);
            timer_.expires_after(member_ ? member_tick_period : tick_period);
            const auto waited = co_await timer_.async_wait(as_result);
            if (std::get<0>(waited)) co_return;
        }
    }
    node::https::Answer answer(const node::https::Request& request) {
        if (auto page = status_answer(folder_, request)) return *std::move(page);
        return authority_ ? authority_->answer(request, clock_.now())
                          : member_->answer(request, moment());
    }
    core::Moment moment() { return {clock_.now(), std::chrono::steady_clock::now()}; }
    asio::awaitable<void> close() {
        server_.close();
        judge_.stop();
        core_.cancel();
        connections_.cancel();
        co_await connections_.wait();
        co_await core_.wait();
    }

    asio::io_context io_{1};
    fs::path folder_;
    std::string name_;
    node::files::UniqueFd lock_;
    const node::config::AnchorsFile network_;  // as it was at the start
    KeptClock clock_;
    std::optional<Authority> authority_;  // this one is alone
    std::optional<Member> member_;        // or one of several, which asks the others
    std::optional<Peers> peers_;
    std::optional<Prober> prober_;
    SweepJudge judge_{io_.get_executor()};
    std::optional<Looper> looper_;
    node::process::Shutdown shutdown_;
    node::process::TaskGroup core_;         // a task that fails here ends the daemon
    node::process::TaskGroup connections_;  // a task that fails here ends only its connection
    node::process::TaskGroup ending_;       // runs the shutdown itself
    node::https::Server server_;
    asio::steady_timer timer_{io_};
    bool failed_ = false;
    base::BugCount bugs_{bug_window, clock_.now()};
};

}  // namespace

node::process::ExitCode run_service(const fs::path& folder) {
    node::process::raise_descriptor_limit();
    auto settings = load_settings(folder);
    if (settings.authorities > 1) {
        if (!fs::exists(folder / "network.yaml"))
            throw node::process::ConfigError{
                folder.string() +
                ": there is no network.yaml yet: exchange the file `introduction` with the other "
                "authorities, then run `nightjar-authority assemble FILES --dir " +
                folder.string() + "`"};
        const FolderDisk makes_its_folder{folder / "agreement"};
    }
    // No folder can be made in the sandbox.
    const Archive makes_its_folders{folder};
    const node::config::Evidence makes_its_folder{evidence_folder(folder)};
    node::process::enter_sandbox({.read = {}, .write = {fs::absolute(folder)}});
    return Daemon{folder, std::move(settings)}.run();
}

std::size_t publish(const fs::path& folder, const fs::path& out, base::Wall now) {
    const auto length = load_settings(folder).terms.parameters.epoch_length;
    const auto current = directory::epoch_at(now, length);
    const Archive archive{folder};
    // A web server of another user must reach the files, and this process's umask closes new
    // folders.
    if (fs::create_directories(out)) fs::permissions(out, fs::perms{0755});
    std::size_t count = 0;
    const auto put = [&](const std::string& name, const std::string& text) {
        node::files::replace_file(out / name, text, node::files::Durability::disk);
    };
    const auto put_page = [&](const std::string& name, const Page& page) {
        put(name + ".zst", page.zstd.text());
        put(name + ".gz", page.gzip.text());
        put(name, page.text.text());
    };
    for (const auto epoch : archive.signed_epochs()) {
        if (epoch.next() < current) continue;
        const auto pages = make_pages(archive, epoch);
        put_page("document." + std::to_string(epoch.value), pages.document);
        if (!pages.diff.text.empty()) put_page("diff." + std::to_string(epoch.value), pages.diff);
        if (epoch <= current) put_page("document", pages.document);
        if (const auto listed = make_listed(archive, epoch))
            put_page("descriptors." + std::to_string(epoch.value), listed->page);
        ++count;
    }
    if (const auto page = read_status_file(folder)) put("status.html", *page);
    const auto anchors = node::config::load_anchors_file(folder / "network.yaml");
    node::config::save_anchors_file(out / "network.yaml", anchors);
    return count;
}

}  // namespace nightjar::relay::authority

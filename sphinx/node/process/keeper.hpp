// A helper is a process of the same program that does a risky part of the daemon's work and holds
// none of its secrets. A daemon in its sandbox starts no process, so a keeper does: a small process
// that the daemon starts before it reads a key and before it enters the sandbox. The keeper starts
// a helper when the daemon asks for one, and passes it one end of a new pair of sockets. Keeper and
// helper are started by execve: they share no memory with the daemon, and each helper has another
// layout of its memory than the one before.
//
// The daemon finds out by its end of the pair that a helper has ended. The keeper reads only what
// the daemon sends, and ends, with its helper, when the daemon does. SIGTERM, SIGINT and SIGHUP do
// not end it: a service manager sends them to all processes of a service, and the daemon still
// needs its helper while it drains. One thread.
#pragma once

namespace nightjar::node::process {

/// Where a keeper and a helper find their end of the pair: a socket of messages (SOCK_SEQPACKET).
inline constexpr int helper_link = 3;

class Keeper {
 public:
    /// Starts `program` with the argument `verb`, and with this process's environment. `program`
    /// calls keep_helpers(). Throws std::system_error. Call it while the process has one thread.
    static Keeper start(const char* verb, const char* program = "/proc/self/exe");
    /// Owns `control`, the daemon's end of a keeper's pair.
    explicit Keeper(int control) : control_{control} {}
    Keeper(Keeper&& other) noexcept;
    Keeper& operator=(Keeper&&) = delete;
    ~Keeper();

    /// For waiting until take() has something.
    int control() const { return control_; }

    /// Asks for a helper. One that runs is killed first. take() brings its link.
    void ask_for_helper();
    /// Kills the helper.
    void end_helper();

    struct News {
        enum class Kind {
            nothing,
            helper,
            no_helper,   // the system did not let the keeper start one
            keeper_gone  // and no helper can be started any more
        };
        Kind kind = Kind::nothing;
        int link = -1;  // of a helper; the caller owns it
    };
    /// The keeper's next answer. Does not wait.
    News take();

 private:
    void send(char request);

    int control_;
};

/// The whole of a keeper's process. `verb`: the argument that makes this program a helper. Returns
/// when the daemon has ended.
void keep_helpers(const char* verb);

/// For a helper, before its sandbox: standard output and errors lead nowhere from now on. They are
/// the daemon's log. A helper that is taken over could overwrite or fill it, or read a terminal.
/// Throws std::system_error.
void leave_the_log();

/// True if this process was started by a keeper or a daemon, and not by a person.
bool has_helper_link();

}  // namespace nightjar::node::process

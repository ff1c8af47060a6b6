// Loads what a relay needs before it runs, and what a reload replaces. All files are read and
// checked against one another before any of them is used: all or nothing.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "relay/core/counters.hpp"
#include "relay/core/exit_policy.hpp"
#include "relay/core/ingress.hpp"
#include "relay/keys/identity.hpp"
#include "relay/operation/capacity.hpp"
#include "relay/operation/config.hpp"
#include "relay/operation/document_file.hpp"
#include "relay/operation/self_test.hpp"
#include "sphinx/directory/descriptor.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/process/keeper.hpp"
#include "sphinx/node/process/sandbox.hpp"

namespace nightjar::relay::operation {

/// Everything that is read before the relay runs.
struct Loaded {
    RelayConfig config;
    node::config::AnchorsFile anchors;
    keys::Identity identity;
    DocumentFile document_file;
    directory::SignedDocument document;
    // Of run_relay() alone.
    SelfTest self_test{};
    std::shared_ptr<node::process::Keeper> name_keeper = nullptr;  // of an exit
    std::shared_ptr<node::process::Keeper> dial_keeper = nullptr;  // of an exit
};
/// Reads and checks everything. Throws node::StartupError. Changes nothing.
Loaded load_all(const std::filesystem::path& config_file, base::Wall now);

/// Why a relay that is otherwise ready cannot run yet, and an authority's service can help: it has
/// no valid document, or is not listed. nullopt if it can run, or if its anchors name no service.
/// A document that was fetched ahead becomes the document if it is valid now.
/// Throws node::StartupError for all that only its operator can mend.
std::optional<std::string> waits_for_authority(const std::filesystem::path& config_file,
                                               base::Wall now);

/// Throws node::StartupError if the document and the configuration do not match: the relay is not
/// listed, or is listed with another role or link key; or a lab setting is used in a network that
/// is not a lab.
void check_fit(const RelayConfig& config, const keys::Identity& identity,
               const directory::Document& document);

/// Throws node::ConfigError if a relay that runs by `held` cannot use `newer` although its
/// signatures are valid.
void check_successor(const directory::Document& held, const directory::Document& newer);

/// Where a relay keeps documents that prove a fault of the authorities.
std::filesystem::path evidence_folder(const RelayConfig& config);
/// Where the sum of the month's traffic is kept, if there is a cap.
std::filesystem::path month_file(const RelayConfig& config);

/// The descriptor that the relay has written last. nullopt: none can be read.
std::optional<directory::Descriptor> last_descriptor(const RelayConfig& config);

/// What the relay's announced capacity follows from. Throws what own_self_test() throws.
CapacityFacts capacity_facts(const RelayConfig& config);

/// The packets a second that pass a relay of this position although no client chooses it: each
/// relay's loop passes one relay of each position. 0: the document lists none there.
double loops_through(directory::Role role, std::uint8_t layer, const directory::Document& document);

/// Finds the addresses of `announce_names`, which the descriptor then states. The system's resolver
/// is asked once in the life of the process: call it first before a key is read. Throws NotReady if
/// a name has no address, and ConfigError if there are too many.
void find_announced(RelayConfig& config);

/// The relay's descriptor without epoch, time and mix keys. Throws what own_build() and
/// own_self_test() throw.
directory::Descriptor describe(const RelayConfig& config, const keys::Identity& identity);

/// The configured rules, plus the addresses that this relay must never connect to.
core::ExitPolicy make_exit_policy(const RelayConfig& config, const directory::Document& document);

/// The state of a relay that uses this document. `ours`: the document lists the relay with its
/// keys.
core::State state_by(const directory::Document& document, bool ours, base::Wall now);

/// True if the document recommends this program's version, or recommends none.
bool version_recommended(const directory::Document& document);

/// Enters the sandbox with the files that a running relay uses: the folders of its configuration,
/// anchors and document to read, and its own to write. Folders, because files are replaced by new
/// ones of their name. A file that is a link to another folder counts with both. Creates the
/// runtime directory, because the sandbox lists folders that exist. Throws what prepare_runtime_dir
/// and process::enter_sandbox throw.
/// `fetches`: the relay replaces its document itself.
node::process::Sandbox enter_sandbox(const std::filesystem::path& config_file,
                                     const RelayConfig& config, bool fetches);

/// The same for a relay that is about to run, by its files. Throws node::StartupError too.
void confine(const std::filesystem::path& config_file);

/// For how long a mix key is accepted.
base::Seconds key_time(const directory::Parameters& parameters);

/// The rate of packets for which the replay filters are made: as configured, else what follows from
/// the document. Each gateway serves 50 clients that send and receive by the law, and the mixes of
/// a layer share what all gateways carry. A document without relays counts as one with as many
/// gateways as mixes in a layer.
std::uint32_t packets_per_second(const RelayConfig& config, const directory::Document& document);
core::ReplayRoom replay_room(const RelayConfig& config, const directory::Document& document);
/// The number of packets that a filter is made for: that rate over the whole time that a key is
/// accepted.
std::uint64_t packets_per_key(const RelayConfig& config, const directory::Document& document);

/// The most links of clients: as configured, else as many as the relay serves when all of them send
/// and receive by the law: the I/O thread is three quarters busy, or the replay filters take no
/// more. At least 1.
std::size_t clients_max(const RelayConfig& config, const directory::Document& document);
/// A warning for the operator, if a gateway lets in more clients than its replay filters are made
/// for: then honest packets are dropped.
std::optional<std::string> clients_warning(const RelayConfig& config,
                                           const directory::Document& document);
/// Logs what the operator should mend soon, although the relay starts.
void log_start_warnings(const RelayConfig& config, const directory::Document& document,
                        bool memory_locked);

inline constexpr const char* program_version = NIGHTJAR_VERSION;

}  // namespace nightjar::relay::operation

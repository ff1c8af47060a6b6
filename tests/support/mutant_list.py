"""The mutants: one line of the product each, and the test that must notice.

`was` must stand exactly once in `file`. `test` names a test program of the build (or a Python test)
and the one case in it that must turn red. A Python test says what it runs in `targets`.
"""

UNIT = "tests/unit/unit_tests"
VECTORS = "tests/vectors/vector_tests"
SIMULATION = "tests/simulation/simulation_tests"
SYSTEM = "tests/system/system_tests"
PROGRAMS = ["nightjar", "nightjar-relay", "nightjar-authority"]


def mutant(name, file, was, becomes, program, case, targets=None):
    return {"name": name, "file": file, "was": was, "is": becomes, "test": (program, case),
            "targets": targets}


MUTANTS = [
    # --- packets ---
    mutant("no-mac", "sphinx/packet/unwrap.cpp",
           "work.job->packet.subspan(gamma_offset, key_size)),", "work.block.view().first(key_size)),",
           UNIT, "each of the 2,784 single-bit flips of a header is refused"),
    mutant("alpha-top-bit", "sphinx/packet/unwrap.cpp",
           "return ok_or((work.job->packet[alpha_size - 1] & 0x80) == 0, Error::bad_alpha);",
           "return ok_or(true, Error::bad_alpha);",
           UNIT, "each of the 2,784 single-bit flips of a header is refused"),
    mutant("low-order-accepted", "sphinx/packet/unwrap.cpp",
           "if (is_zero(work.point.view())) return ok_or(false, Error::low_order);", "",
           VECTORS, "malformed vectors: packets stop where and why they should"),
    mutant("any-length", "sphinx/packet/unwrap.cpp", "if (job.packet.size() == packet_size && packet_size",
           "if (job.packet.size() >= header_size + payload_size_min && packet_size",
           UNIT, "every length but the network's is refused before any work"),
    # --- the relay ---
    mutant("no-shuffle", "relay/mix_queue.cpp", "random_.shuffle(released);", "",
           UNIT, "mix queue: what leaves in one tick leaves in a uniformly random order"),
    mutant("no-delay", "relay/pipeline.cpp",
           "base::Nanoseconds{static_cast<std::int64_t>(forward.delay_ns)});", "base::Nanoseconds{0});",
           SIMULATION, "each relay holds packets by the law, exactly as asked, and its loops come home"),
    mutant("burst-after-stall", "relay/mix_queue.cpp", "if (now - packet.due() > overdue_max)", "if (false)",
           UNIT, "mix queue: what is overdue by more than 250 ms is dropped, not sent in a burst"),
    mutant("oldest-not-random-victim", "relay/mix_queue.cpp",
           "static_cast<std::size_t>(random_.below(heap_.size() + 1));", "heap_.size();",
           UNIT, "mix queue: a full queue drops a uniformly random victim, the new packet included"),
    mutant("no-replay-check", "relay/pipeline.cpp",
           "if (!seen->insert(work.outcome->replay_tag)) return counters.drop(DropReason::replayed);",
           "static_cast<void>(seen->insert(work.outcome->replay_tag));",
           UNIT, "pipeline: a replay within one batch, and a key forgotten meanwhile"),
    mutant("replay-filter-forgets", "relay/replay_filter.cpp", "byte |= mask;", "",
           UNIT, "replay filter: a tag is new once"),
    mutant("no-delay-cap", "relay/pipeline.cpp",
           "if (forward.delay_ns > static_cast<std::uint64_t>(cap.count()))",
           "if (forward.delay_ns == ~std::uint64_t{0} && cap.count() == 0)",
           UNIT, "pipeline: every reason to drop, and nothing leaves for it"),
    mutant("any-next-hop", "relay/pipeline.cpp",
           "if (!may_send_to(forward.next)) return counters.drop(DropReason::misrouted);", "",
           UNIT, "pipeline: every reason to drop, and nothing leaves for it"),
    mutant("cover-off", "relay/cover.cpp", "return !stopped_ && document_->parameters.relay_loops.milli > 0;",
           "return false;", UNIT, "cover: loops go out at the network's Poisson rate"),
    mutant("no-admission", "relay/ingress.cpp", "if (tokens_ < 1) return false;", "",
           UNIT, "ingress: a client is admitted 64 at once and 1.2 (U + L) a second"),
    mutant("client-ends-at-gateway", "relay/delivery.cpp",
           "if (from_client) return DropReason::misrouted;", "static_cast<void>(from_client);",
           UNIT, "pipeline: a client's packet may not end at its own gateway"),
    mutant("no-padding-down", "relay/mailbox.cpp",
           "if (egress.to_client(mailbox.client, padding) == Sent::queued) ++counters_.down_cells;", "",
           UNIT, "mailbox: the same number of cells in every second, whatever waits"),
    mutant("delivery-unmarked-tail", "relay/delivery.cpp",
           "std::fill(behind, body.end(), std::uint8_t{0});", "",
           UNIT, "delivery: the body is identifier 16, payload 2065, zeros 332, and the epoch 0"),
    mutant("key-never-ends", "relay/keyring.cpp",
           "return now >= directory::epoch_start(epoch.next(), epoch_length_) + grace_;", "return now.time_since_epoch().count() < 0;",
           UNIT, "keyring: a key is accepted from 60 s before its epoch until the grace after it"),
    mutant("flush-on-drain", "relay/pipeline.cpp", "mix.release(now, released);",
           "mix.release(draining ? now + base::Milliseconds{200} : now, released);",
           UNIT, "pipeline: draining flushes nothing and takes nothing"),
    # --- links ---
    mutant("pin-ignored", "sphinx/node/tls_session.cpp",
           "if (pinned && !base::equal_constant_time(key.bytes, pinned->bytes)) return false;", "",
           SYSTEM, "a link whose other end shows another key than the pinned one is refused"),
    mutant("unbounded-queue", "sphinx/node/link.cpp", "queue{chosen.send_queue}",
           "queue{chosen.send_queue + 100000}",
           SYSTEM, "a full queue refuses at once and blocks nobody"),
    mutant("tls-1.2", "sphinx/node/tls_identity.cpp",
           "SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1;\n"
           "    ok = ok && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1;",
           "SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;",
           SYSTEM, "a TLS client that is not one of ours is refused"),
    mutant("tickets", "sphinx/node/tls_identity.cpp",
           "require(SSL_CTX_set_num_tickets(context, 0) == 1,",
           "require(SSL_CTX_clear_options(context, SSL_OP_NO_TICKET) != 1 && "
           "SSL_CTX_set_num_tickets(context, 2) == 1,",
           SYSTEM, "no session is resumed and no early data taken"),
    mutant("no-key-update", "sphinx/node/link.cpp", "if (time >= next_key_update_) {",
           "if (false) {",
           SYSTEM, "keys are renewed each way by the clock, without a cell to go with it"),
    # --- documents, keys and files ---
    mutant("unsigned-document", "sphinx/directory/quorum.cpp",
           "if (!verifies(text, signature)) return false;", "",
           UNIT, "no change of one byte leaves a document valid"),
    mutant("expired-document", "sphinx/directory/quorum.cpp",
           "if (now >= document.valid_until) return base::Fail{Refusal::expired};", "",
           UNIT, "every way for a document not to count has its own answer"),
    mutant("duplicate-config-key", "sphinx/node/yaml_tree.cpp",
           "if (!frame.keys.insert(text).second)", "if (frame.keys.insert(text); false)",
           UNIT, "strict yaml refuses what could mean something else than it seems"),
    mutant("readable-key", "sphinx/node/key_file.cpp", "(status.st_mode & 077) != 0", "false",
           UNIT, "a key file that cannot be trusted is refused, and the line says why"),
    mutant("keys-on-a-disk", "sphinx/node/runtime_dir.cpp",
           "if (type != TMPFS_MAGIC && type != RAMFS_MAGIC)", "if (false)",
           UNIT, "the runtime directory is memory of our own, or the start stops"),
    # --- what goes around the network, and where it comes out ---
    mutant("exit-anywhere", "relay/exit.cpp", "&& policy_.allows(candidate)", "",
           SYSTEM, "exit: what the policy refuses is refused after the name was resolved"),
    mutant("mapped-address", "relay/exit_policy.cpp", 'network("::ffff:0.0.0.0", 96),', "",
           UNIT, "exit policy: what is not public, or hides another address, is never a target"),
    mutant("direct-connection", "client/proxy.cpp",
           "if (base::parse_literal(target.host)) ++literals_;",
           "if (base::parse_literal(target.host)) { ++literals_; error_code e; "
           "tcp::socket direct{executor_}; "
           "direct.connect({asio::ip::make_address(target.host), target.port}, e); }",
           "tests/system/bypass_test.py", "Bypass.test_only_the_exit_connects_to_the_target",
           PROGRAMS),
    # --- whole processes ---
    mutant("exact-metrics", "relay/daemon.cpp", "const auto exact = lab() ?", "const auto exact = true ?",
           "tests/system/exposure_test.py",
           "Exposure.test_metrics_of_a_network_that_is_no_lab_have_nothing_exact", PROGRAMS),
    mutant("core-dumps", "relay/daemon.cpp", "node::harden_process();", "",
           "tests/system/exposure_test.py", "Exposure.test_no_core_is_dumped", PROGRAMS),
    mutant("ended-is-failed", "client/daemon.cpp",
           "if (std::get<0>(waited) || ready_) co_return;", "if (ready_) co_return;",
           "tests/system/faults_client_test.py",
           "ClientFaults.test_a_second_client_on_the_same_control_socket", PROGRAMS),
    mutant("early-document", "sphinx/directory/quorum.cpp",
           "if (now < document.valid_from) return base::Fail{Refusal::not_yet_valid};", "",
           "tests/system/faults_clock_test.py", "Clock.test_valid_in_an_hour", PROGRAMS),
]

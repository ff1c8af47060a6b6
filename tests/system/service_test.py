"""Daemons under a service manager: what they say to it, when they are taken for dead, and its sockets."""
import os
import signal
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import AUTHORITY, CLIENT, CONFIG, OK, RELAY, SHORT_SECONDS, OfflineNetwork, call  # noqa: E402
from service_manager import Manager, stop  # noqa: E402
from stopped_thread import StoppedThread  # noqa: E402

WATCHDOG_SECONDS = 0.8   # signs of life each 0.2 s


def threads(process):
    """The process's threads but its first, which is the I/O thread."""
    return sorted(int(number) for number in os.listdir(f"/proc/{process.pid}/task") if int(number) != process.pid)


class Service(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.sign()
        self.manager = Manager(self.folder)
        self.addCleanup(self.manager.close)

    def begin(self, command, **options):
        process = self.manager.start(command, **options)
        self.running.append(process)
        return process

    def begin_relay(self, **options):
        return self.begin([RELAY, "run", "--config", self.config], **options)

    def end_of(self, process):
        """The exit code of a process that ends by itself."""
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            self.fail("the process runs")

    def listener(self, last, port=9001):
        """A socket that listens where the relay of this number is to listen."""
        made = socket.create_server((f"{self.claim.network}.{last}", port))
        self.addCleanup(made.close)
        return made

    # --- messages ---
    def test_a_relay_says_that_it_is_ready_reloads_and_ends(self):
        relay = self.begin_relay()
        self.assertEqual(self.manager.next(), {"READY": "1", "STATUS": "active"})
        relay.send_signal(signal.SIGHUP)
        self.assertGreater(int(self.manager.until("RELOADING")["MONOTONIC_USEC"]), 0)
        self.assertEqual(self.manager.next(), {"READY": "1"})
        self.assertEqual(stop(relay), OK)
        self.assertEqual(self.manager.next(), {"STOPPING": "1"})
        self.assertIsNone(self.manager.next(0.2), "a relay that nothing watches sends signs of life")

    def test_the_status_follows_the_state(self):
        self.sign_validity(-60, SHORT_SECONDS)
        self.begin_relay()
        self.assertEqual(self.manager.next()["STATUS"], "active")
        self.assertEqual(self.manager.until("STATUS"), {"STATUS": "document_expired"})

    def test_a_relay_that_waits_to_be_listed_has_started(self):
        """However long that takes: a start that does not end would be killed."""
        folder = self.folder / "service"
        code, error = call(AUTHORITY, "init", "--dir", folder, "--network", "notify", "--listen",
                           f"{self.claim.network}.9:8443")
        self.assertEqual(code, OK, error)
        (self.folder / "network.yaml").write_text((folder / "network.yaml").read_text())
        (self.folder / "document").unlink()
        relay = self.begin_relay()
        self.assertIn("lists this relay", self.manager.until("READY")["STATUS"])
        self.assertEqual(stop(relay), OK)

    def test_an_authority_says_that_it_is_ready_and_ends(self):
        folder = self.folder / "service"
        code, error = call(AUTHORITY, "init", "--dir", folder, "--network", "notify", "--listen",
                           f"{self.claim.network}.9:8443")
        self.assertEqual(code, OK, error)
        authority = self.begin([AUTHORITY, "run", "--dir", folder], watchdog_seconds=WATCHDOG_SECONDS)
        self.assertEqual(self.manager.until("READY")["STATUS"], f"serves {self.claim.network}.9:8443")
        self.assertGreaterEqual(self.manager.signs_of_life(1), 2)
        self.assertEqual(stop(authority), OK)
        self.manager.until("STOPPING")

    def test_a_client_is_not_ready_before_its_network_is(self):
        client = self.begin([CLIENT, "run", "--config", self.init_client()], watchdog_seconds=WATCHDOG_SECONDS)
        self.manager.until("WATCHDOG")
        self.assertGreaterEqual(self.manager.signs_of_life(1), 2)
        self.assertEqual(stop(client), OK)
        message = self.manager.next()
        while message is not None and "STOPPING" not in message:
            self.assertNotIn("READY", message)
            message = self.manager.next()
        self.assertIsNotNone(message)

    def test_a_client_whose_document_ends_does_not_say_that_it_stops(self):
        """It begins again. A service manager kills a service that says that it stops, but goes on."""
        config = self.init_client()
        self.sign_validity(-60, SHORT_SECONDS)
        state = self.folder / "client" / "state"
        state.mkdir(mode=0o700)
        (state / "document.txt").write_text((self.folder / "document").read_text())
        client = self.begin([CLIENT, "run", "--config", config])
        self.until_said(client, "the network document has expired", 20)
        self.assertIsNone(self.manager.next(1))
        self.assertIsNone(client.poll())
        self.assertEqual(stop(client), OK)
        self.manager.until("STOPPING")

    # --- the watchdog ---
    def test_signs_of_life_four_times_in_the_watchdogs_time(self):
        relay = self.begin_relay(watchdog_seconds=WATCHDOG_SECONDS)
        self.manager.until("READY")
        signs = self.manager.signs_of_life(4 * WATCHDOG_SECONDS)
        self.assertGreaterEqual(signs, 8)     # 16 on an idle machine
        self.assertLessEqual(signs, 18)
        self.assertEqual(stop(relay), OK)

    def test_the_watchdog_of_another_process_is_not_fed(self):
        os.environ["WATCHDOG_PID"] = "1"
        self.addCleanup(os.environ.pop, "WATCHDOG_PID")
        relay = self.begin_relay(watchdog_seconds=WATCHDOG_SECONDS)
        self.manager.until("READY")
        self.assertEqual(self.manager.signs_of_life(2 * WATCHDOG_SECONDS), 0)
        self.assertEqual(stop(relay), OK)

    @unittest.skipUnless(os.geteuid() == 0, "only root may stop a thread of a process that cannot be traced")
    def test_no_sign_of_life_while_any_thread_of_a_relay_is_stuck(self):
        relay = self.begin_relay(watchdog_seconds=WATCHDOG_SECONDS)
        self.manager.until("READY")
        self.assertGreaterEqual(self.manager.signs_of_life(WATCHDOG_SECONDS), 2)
        workers = self.workers(relay)
        self.assertEqual(len(workers), 2)
        for thread in [relay.pid, *workers]:
            with StoppedThread(thread):
                self.manager.signs_of_life(WATCHDOG_SECONDS)   # one was on its way
                self.assertEqual(self.manager.signs_of_life(2 * WATCHDOG_SECONDS), 0, thread)
            self.assertGreaterEqual(self.manager.signs_of_life(2 * WATCHDOG_SECONDS), 2)
        self.assertEqual(stop(relay), OK)

    def workers(self, relay):
        """The threads that unwrap are the last two that a relay starts."""
        return threads(relay)[-2:]

    # --- sockets ---
    def test_a_relay_serves_the_socket_that_it_was_given(self):
        given = self.listener(20)
        relay = self.begin_relay(listeners=[given])
        self.manager.until("READY")
        inode = os.fstat(given.fileno()).st_ino
        served = subprocess.run(["openssl", "s_client", "-connect", f"{self.claim.network}.20:9001"],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        self.assertIn("CONNECTED", served.stdout)
        held = [os.readlink(f"/proc/{relay.pid}/fd/{one}") for one in os.listdir(f"/proc/{relay.pid}/fd")]
        self.assertEqual(held.count(f"socket:[{inode}]"), 1)
        self.assertEqual(stop(relay), OK)
        # The manager's socket outlives the process, so a client that connects now finds the next one.
        with socket.create_connection((f"{self.claim.network}.20", 9001), timeout=5):
            pass

    @unittest.skipUnless(os.geteuid() == 0, "only root may open a port below 1024")
    def test_a_low_port_without_any_right(self):
        self.edited(lambda text: text.replace(f"{self.claim.network}.20:9001", f"{self.claim.network}.20:443"))
        given = self.listener(20, 443)
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", RELAY, "run", "--config", self.config]
        without = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                 timeout=20)
        self.assertIn("Permission denied", without.stderr, "the control: without the socket it may not listen")
        relay = self.begin(command, listeners=[given])
        self.manager.until("READY")
        self.assertEqual(stop(relay), OK)

    def test_a_socket_that_the_configuration_does_not_name_is_an_error(self):
        relay = self.begin_relay(listeners=[self.listener(20), self.listener(21)])
        self.assertEqual(self.end_of(relay), CONFIG)
        said = relay.stdout.read()
        self.assertIn(f"listens on {self.claim.network}.21:9001, which `listen` does not name", said)

    def test_what_is_no_listening_socket_is_an_error(self):
        for odd in (socket.socket(socket.AF_INET, socket.SOCK_STREAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)):
            with odd:
                relay = self.begin_relay(listeners=[odd])
                self.assertEqual(self.end_of(relay), CONFIG)
                self.assertIn("no listening TCP socket", relay.stdout.read())

    def test_sockets_for_another_process_are_left_alone(self):
        os.environ.update(LISTEN_FDS="1", LISTEN_PID="1")
        self.addCleanup(lambda: [os.environ.pop(name) for name in ("LISTEN_FDS", "LISTEN_PID")])
        relay = self.begin_relay()
        self.manager.until("READY")
        self.assertEqual(stop(relay), OK)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: only root may stop one thread of a process, or open a port below 1024")
    unittest.main(verbosity=0)

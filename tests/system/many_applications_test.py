"""Many applications at once: more user names than exit sessions, by real curl."""
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402

USERS = 12


class ManyApplications(NetworkTest):
    def start_curl(self, *more, credentials=""):
        proxy = f"socks5h://{credentials}{self.net.socks}"
        return subprocess.Popen(["curl", "--silent", "--max-time", "60", "--proxy", proxy,
                                 "-o", "/dev/null", "-w", "%{exitcode} ", *more],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def test_more_user_names_than_sessions_refuse_no_connection(self):
        """The keys come first, on a client that nothing has used yet."""
        page = f"{self.net.url}/small/1"
        running = [self.start_curl(page, credentials=f"u{i}:x@") for i in range(USERS)]
        codes = [process.communicate()[0].strip() for process in running]
        self.assertEqual(codes, ["0"] * USERS)
        self.assertEqual(self.start_curl(page).communicate()[0].strip(), "0")
        status, _ = self.net.ask_client()
        self.assertEqual(status["isolation_keys"], USERS)
        self.assertEqual(status["keys_sharing_a_session"], USERS - status["isolated_sessions_max"])
        log = self.processes.log("client").read_text()
        self.assertEqual(log.count("share the session of another"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=0)

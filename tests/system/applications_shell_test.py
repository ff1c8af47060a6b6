"""Programs of a shell through a network: curl, wget, proxychains4, git, ssh, scp, rsync, apt, pip.

Only an exit can resolve the name of their target. A program that resolves it by itself fails.
"""
import gzip
import hashlib
import os
import pwd
import socket
import subprocess
import unittest
import zipfile
from functools import partial

from applications import NAME, ApplicationTest

FILE_BYTES = 100_000
GIT_BYTES = 150_000
DEBIAN_PYTHON = "/usr/bin/python3"      # pip and PySocks as Debian has them


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Shell(ApplicationTest):
    @classmethod
    def start(cls):
        super().start()
        cls.content = os.urandom(FILE_BYTES)
        (cls.site_folder / "file").write_bytes(cls.content)
        cls.start_sshd()

    # --- web -----------------------------------------------------------------------------------

    def test_curl(self):
        self.run_program("curl", "-sS", "--proxy", f"socks5h://{self.net.socks}", "-o", "by-curl", f"{self.url}/file")
        self.assertEqual((self.net.folder / "by-curl").read_bytes(), self.content)

    def test_wget_by_proxychains(self):
        """wget has no SOCKS setting, and tunnels for https only. https is in http_connect_test.py."""
        config = self.net.folder / "proxychains.conf"
        config.write_text(f"strict_chain\nproxy_dns\nquiet_mode\n[ProxyList]\nsocks5 {self.host} {self.port}\n")
        page = self.run_program("proxychains4", "-f", config, "wget", "-q", "--tries=1", "-O", "by-wget", f"{self.url}/file")
        self.assertEqual(page, "")
        self.assertEqual((self.net.folder / "by-wget").read_bytes(), self.content)

    # --- ssh -----------------------------------------------------------------------------------

    @classmethod
    def start_sshd(cls):
        """A server of the test's own user, key and configuration."""
        folder = cls.net.folder / "ssh"
        folder.mkdir()
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        with socket.create_server((cls.net.outside, 0)) as free:
            port = free.getsockname()[1]
        if os.geteuid() == 0 and not os.path.isdir("/run/sshd"):    # sshd of root insists on this folder
            os.mkdir("/run/sshd", 0o755)
            cls.addClassCleanup(os.rmdir, "/run/sshd")
        (folder / "sshd_config").write_text(
            f"ListenAddress {cls.net.outside}:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
            f"PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            "Subsystem sftp internal-sftp\nUseDNS no\n")
        cls.processes.start("sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config"], "Server listening")
        host_key = (folder / "host.pub").read_text()
        (folder / "known_hosts").write_text(f"[{NAME}]:{port} {host_key}")
        cls.ssh_config = folder / "config"
        cls.ssh_config.write_text(
            f"Host target\n  HostName {NAME}\n  Port {port}\n  User {pwd.getpwuid(os.getuid()).pw_name}\n  IdentityFile {folder}/user\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known_hosts\n  BatchMode yes\n  ConnectTimeout 60\n"
            f"  ProxyCommand nc -X 5 -x {cls.net.socks} %h %p\n")

    @classmethod
    def tearDownClass(cls):
        if "sshd" in cls.processes.running:
            sshd = cls.processes.running.pop("sshd")
            sshd.terminate()    # it has no exit code of its own for SIGTERM
            sshd.wait(10)
        super().tearDownClass()

    def test_ssh(self):
        said = self.run_program("ssh", "-F", self.ssh_config, "target", "cat; echo done", text="hello\n")
        self.assertEqual(said, "hello\ndone\n")

    def test_scp_both_ways(self):
        there = self.net.folder / "there"
        self.run_program("scp", "-q", "-F", self.ssh_config, self.site_folder / "file", f"target:{there}")
        self.assertEqual(there.read_bytes(), self.content)
        self.run_program("scp", "-q", "-F", self.ssh_config, f"target:{there}", "back")
        self.assertEqual((self.net.folder / "back").read_bytes(), self.content)

    def test_rsync(self):
        """A folder, and then only what changed in it."""
        folder, copy = self.net.folder / "folder", self.net.folder / "copy"
        folder.mkdir()
        for number in range(20):
            (folder / f"{number}").write_bytes(self.content[number:5000 + number])
        rsync = partial(self.run_program, "rsync", "-a", "--stats", "-e", f"ssh -F {self.ssh_config}", f"{folder}/",
                        f"target:{copy}")
        rsync()
        (folder / "7").write_text("changed")
        self.assertIn("Number of regular files transferred: 1\n", rsync())
        for name in os.listdir(folder):
            self.assertEqual((copy / name).read_bytes(), (folder / name).read_bytes())

    # --- git -----------------------------------------------------------------------------------

    def clone_and_push(self, address, *settings, **environment):
        """Clones, adds a file that makes git send in chunks, pushes, and compares both histories."""
        bare = self.site_folder / "git" / f"{self.id().rpartition('.')[2]}.git"
        git = partial(self.run_program, "git", "-c", "user.name=n", "-c", "user.email=e", *settings, **environment)
        git("init", "-q", "--bare", "-b", "main", bare)
        work = self.net.folder / f"work-{bare.stem}"
        git("clone", "-q", address.format(bare), work)
        (work / "file").write_bytes(os.urandom(GIT_BYTES))
        git("-C", work, "add", "file")
        git("-C", work, "commit", "-q", "-m", "first")
        git("-C", work, "-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD:main")
        again = self.net.folder / f"again-{bare.stem}"
        git("clone", "-q", address.format(bare), again)
        self.assertEqual((again / "file").read_bytes(), (work / "file").read_bytes())
        self.assertEqual(git("--git-dir", bare, "log", "--format=%s", "main"), "first\n")

    def test_git_over_http(self):
        self.clone_and_push(f"{self.url}/git/{self._testMethodName}.git", "-c", f"http.proxy=socks5h://{self.net.socks}")

    def test_git_over_ssh(self):
        self.clone_and_push("target:{}", GIT_SSH_COMMAND=f"ssh -F {self.ssh_config}")

    # --- packages ------------------------------------------------------------------------------

    def test_apt(self):
        """A repository of one package: apt finds it and downloads it. apt's own folders are the test's."""
        package = self.net.folder / "package"
        (package / "DEBIAN").mkdir(parents=True)
        control = "Package: nightjar-greeting\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\n"
        (package / "DEBIAN" / "control").write_text(control + "Description: says hello\n")
        (package / "hello").write_bytes(self.content)
        served = self.site_folder / "debian"
        served.mkdir()
        self.run_program("dpkg-deb", "--build", "--root-owner-group", package, served / "greeting.deb")
        whole = (served / "greeting.deb").read_bytes()
        (served / "Packages.gz").write_bytes(gzip.compress(
            (control + f"Filename: ./greeting.deb\nSize: {len(whole)}\nSHA256: {sha256(whole)}\n"
             "Description: says hello\n").encode()))
        root = self.net.folder / "apt"
        for name in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/apt.conf.d",
                     "etc/trusted.gpg.d"):
            (root / name).mkdir(parents=True)
        (root / "status").touch()
        (root / "etc/sources.list").write_text(f"deb [trusted=yes] {self.url}/debian ./\n")
        apt = partial(self.run_program, "apt-get", "-q", "-o", f"Acquire::http::Proxy=socks5h://{self.net.socks}",
                      "-o", f"Dir::State={root}/state", "-o", f"Dir::Cache={root}/cache", "-o", f"Dir::Etc={root}/etc",
                      "-o", f"Dir::State::status={root}/status", "-o", "APT::Sandbox::User=",
                      "-o", "Acquire::Retries=0")
        apt("update")
        apt("download", "nightjar-greeting")
        found = list(self.net.folder.glob("nightjar-greeting_*.deb"))
        self.assertEqual([path.read_bytes() for path in found], [whole])

    def test_pip(self):
        """An index of one wheel."""
        wheel = "nightjar_greeting-1-py3-none-any.whl"
        folder = self.site_folder / "simple" / "nightjar-greeting"
        folder.mkdir(parents=True)
        info = "nightjar_greeting-1.dist-info"
        with zipfile.ZipFile(folder / wheel, "w") as archive:
            archive.writestr("nightjar_greeting.py", "GREETING = 'hello'\n")
            archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: nightjar-greeting\nVersion: 1\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        (folder / "index.html").write_text(f'<a href="{wheel}#sha256={sha256((folder / wheel).read_bytes())}">{wheel}</a>')
        target = self.net.folder / "installed"
        self.run_program(DEBIAN_PYTHON, "-m", "pip", "install", "-q", "--no-cache-dir", "--disable-pip-version-check",
                         "--retries", "0", "--proxy", f"socks5h://{self.net.socks}", "--index-url", f"{self.url}/simple",
                         "--trusted-host", NAME, "--target", target, "nightjar-greeting")
        said = self.run_program(DEBIAN_PYTHON, "-c", "import nightjar_greeting as n; print(n.GREETING)", PYTHONPATH=str(target))
        self.assertEqual(said, "hello\n")


if __name__ == "__main__":
    unittest.main(verbosity=0)

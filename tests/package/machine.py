"""A bare Debian 12 machine: a root made by mmdebstrap, booted by systemd-nspawn with a real systemd as
its first process and with a network of its own that has no way out.

Packages come from the archives that this machine's apt has; they are fetched before the boot. What is
made lies in one temporary folder, and ends and goes with the test.
"""

import contextlib
import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
import time

from lab import TOP, wait_for

HOST, DOMAIN = "mx.example.org", "example.org"  # as in the README
CHECKOUT = "/root/checkout"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CLONE_NEWNET = 0x40000000
# apt settings of this machine that a root on it needs too: how the archive is reached
APT_SETTINGS = ("Acquire::http", "Acquire::https", "Acquire::Check-Valid-Until", "Acquire::Check-Date")
_libc = ctypes.CDLL(None, use_errno=True)


def output(argv, **kwargs):
    """What the command prints; with its output, an error says what went wrong."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **kwargs)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(argv)} ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def sources():
    """Debian's archives as this machine's apt has them, as lines of sources.list."""
    listed = output(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)",
                     "Created-By: Packages"])
    lines = {"deb " + line.rsplit(" ", 1)[0] for line in listed.splitlines() if line.endswith(" Debian")}
    if not lines:
        raise RuntimeError("apt knows no package list of Debian: run apt-get update")
    return "".join(line + "\n" for line in sorted(lines))


def checkout_files(scratch):
    """The files that a clean checkout has: all that .gitignore does not name. It need not be a repository
    of git (an unpacked archive is none): an empty one is made in the folder `scratch`, for the question."""
    output(["git", "init", "--quiet", scratch])
    listed = output(["git", f"--git-dir={scratch}/.git", f"--work-tree={TOP}", "ls-files", "-z", "--others",
                     "--exclude-standard"], cwd=TOP)
    return [name for name in listed.split("\0") if name]


class Base:
    """The root that machines are copies of, with what "debootstrap bookworm" installs."""

    def __init__(self):
        os.makedirs(f"{TOP}/build", exist_ok=True)
        self.folder = tempfile.mkdtemp(prefix="package-", dir=f"{TOP}/build")
        self.root = f"{self.folder}/base"
        self.files = checkout_files(f"{self.folder}/git")
        settings = output(["apt-config", "dump", "--no-empty", "--format", '%F "%v";%n', *APT_SETTINGS])
        begun = time.monotonic()
        try:
            output(["mmdebstrap", "--mode=root", "--variant=important", "--skip=cleanup/apt/lists",
                    *[f"--aptopt={line}" for line in settings.splitlines()], "bookworm", self.root, "-"],
                   input=sources())
        except BaseException:
            self.close()
            raise
        print(f"a bare Debian 12 in {time.monotonic() - begun:.0f} s")

    def close(self):
        shutil.rmtree(self.folder)


class Machine:
    """One machine, with a checkout in CHECKOUT. fetch() what it needs, then boot() it."""

    def __init__(self, base, name):
        self.root, self.log_path = f"{base.folder}/{name}", f"{base.folder}/{name}.log"
        self.nspawn = self.leader = None
        self.seconds = 0.0  # spent in commands, and for a boot
        output(["cp", "-a", base.root, self.root])
        self.write("/etc/apt/apt.conf.d/90assume-yes", 'APT::Get::Assume-Yes "true";\n')
        os.mkdir(self.root + CHECKOUT)
        output(["cp", "-a", "--parents", "-t", self.root + CHECKOUT, "--", *base.files], cwd=TOP)
        output(["chown", "-R", "0:0", self.root + CHECKOUT])

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.root)

    # --- files ----------------------------------------------------------------------------------

    def read(self, path):
        with open(self.root + path, encoding="utf-8") as file:
            return file.read()

    def write(self, path, text):
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)

    # --- before it runs ---------------------------------------------------------------------------

    def fetch(self, command):
        """Get the packages of an apt-get command, without installing them."""
        begun = time.monotonic()
        name, action, *arguments = shlex.split(command)
        if name != "apt-get":
            raise ValueError(f"not an apt-get command: {command}")
        output(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no", "--pipe",
                f"--directory={self.root}", "--resolv-conf=copy-host", "--bind-ro=/etc/hosts", "--timezone=off",
                f"--chdir={CHECKOUT}", name, "--quiet", "--download-only", action, *arguments], stdin=subprocess.DEVNULL)
        self.seconds += time.monotonic() - begun

    # --- while it runs ----------------------------------------------------------------------------

    def boot(self):
        """Start it. Its resolver is whoever listens on its loopback."""
        begun = time.monotonic()
        self.write("/etc/apt/apt.conf.d/91no-way-out", 'Acquire::Retries "0";\n')
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.root + "/etc/resolv.conf")
        self.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.write("/etc/hostname", HOST + "\n")
        self.write("/etc/hosts", f"127.0.0.1 localhost\n192.0.2.1 {HOST} mx\n")
        with open(self.log_path, "ab") as log:
            self.nspawn = subprocess.Popen(
                ["setpriv", "--pdeathsig=TERM", "systemd-nspawn", "--register=no", "--keep-unit", "--settings=no",
                 "--console=pipe", f"--directory={self.root}", f"--hostname={HOST}", "--resolv-conf=off",
                 "--timezone=off", "--link-journal=no", "--private-network", "--boot"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.leader = wait_for(self._first_process, "the machine's first process")
        wait_for(self._is_up, "the machine to be up", seconds=90)
        self.run("ip address add 192.0.2.1/32 dev lo")
        self.seconds += time.monotonic() - begun

    def _first_process(self):
        if self.nspawn.poll() is not None:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                raise RuntimeError(f"systemd-nspawn ended with {self.nspawn.returncode}:\n{log.read()[-4000:]}")
        with open(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        for child in children:
            with contextlib.suppress(FileNotFoundError), open(f"/proc/{child}/comm", encoding="ascii") as file:
                if file.read().strip() == "systemd":
                    return int(child)
        return None

    def _is_up(self):
        self._first_process()
        state = subprocess.run(self._inside("systemctl is-system-running"), capture_output=True, text=True,
                               check=False).stdout.strip()
        return state in ("running", "degraded")

    def stop(self):
        if self.nspawn is None:
            return
        nspawn, self.nspawn = self.nspawn, None
        nspawn.terminate()
        try:
            nspawn.wait(60)
        except subprocess.TimeoutExpired:
            nspawn.kill()
            nspawn.wait()
            raise

    def _inside(self, command):
        return ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
                "--root", "--wd", "env", "-i", f"PATH={PATH}", "HOME=/root", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", "bash", "-ec", f"cd {CHECKOUT}; {command}"]

    def run(self, command):
        """Run a shell command as root in the checkout; its output. A failure is an error."""
        begun = time.monotonic()
        try:
            return output(self._inside(command), stdin=subprocess.DEVNULL, timeout=900)
        except RuntimeError as error:
            if "systemctl" not in command:
                raise
            raise RuntimeError(f"{error}\n{self._journal()}") from error
        finally:
            self.seconds += time.monotonic() - begun

    def _journal(self):
        """systemctl itself does not say why a unit failed."""
        return subprocess.run(self._inside("journalctl -u 'truefrom-*' -o short-precise -n 60"),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout

    def fails(self, command):
        """Does the shell command end with another status than 0?"""
        return subprocess.run(self._inside(command), capture_output=True, check=False).returncode != 0

    @contextlib.contextmanager
    def network(self):
        """Sockets made, and processes started, are in the machine's network."""
        with open("/proc/self/ns/net", "rb") as own, open(f"/proc/{self.leader}/ns/net", "rb") as its:
            _enter_network(its)
            try:
                yield
            finally:
                _enter_network(own)


def _enter_network(file):
    if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")

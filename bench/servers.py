"""Where measurements are made: namespaces of our own, a DNS server with the senders' domains, and the
servers to be measured, each started anew for its turn."""

import contextlib
import ctypes
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path.insert(0, f"{TOP}/tests/e2e")
from lab import Daemon, libconfig, start_nsd, wait_for  # noqa: E402

DOMAINS = 1000
AUTHSERV_ID = "mx.bench.test"
SLOW_MS = 2000
TICK = os.sysconf("SC_CLK_TCK")
DNS, DNS_SLOW, DNS_FAR = "127.0.0.1", "127.0.0.2", "127.0.0.3"
FAR_MS = 20


def kill_with_parent():
    """For Popen: the server ends when this program does, however it ends."""
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)


class Zone:
    """The senders' domains: an SPF record that includes another one, a DMARC policy, an address for the
    name in HELO. Those of slow.test are the same, but live for one second only."""

    def __init__(self, count=DOMAINS):
        self.count = count

    def text(self):
        lines = ["$TTL 300", ". SOA ns.test. hostmaster.test. 1 3600 600 86400 300", ". NS ns.test.",
                 "ns.test. A 127.0.0.1", "example.test. MX 10 mx.bench.test.",
                 "mx.bench.test. A 192.0.2.25"]
        for parent, ttl in (("bench.test", 300), ("slow.test", 1)):
            for i in range(self.count):
                name, address = f"d{i}.{parent}.", f"198.18.{i // 250 % 256}.{i % 250 + 1}"
                lines += [f'{name} {ttl} TXT "v=spf1 include:_spf.{name[:-1]} -all"',
                          f'_spf.{name} {ttl} TXT "v=spf1 ip4:{address} ip4:192.0.2.25 -all"',
                          f'_dmarc.{name} {ttl} TXT "v=DMARC1; p=reject"',
                          f"{name} {ttl} MX 10 mail.{name}",
                          f"mail.{name} {ttl} A {address}"]
        return "\n".join(lines) + "\n"


class Bench:
    """One temporary folder and everything in it; close() ends all."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.folder = tempfile.mkdtemp(prefix="tf-bench-")
        os.chmod(self.folder, 0o755)
        self.daemons = []
        self.instant = int(time.time())
        for command in (["ip", "link", "set", "lo", "up"],
                        ["ip", "address", "add", "192.0.2.25/32", "dev", "lo"],
                        ["mount", "-t", "tmpfs", "none", self.folder],
                        ["chmod", "755", self.folder]):
            subprocess.run(command, check=True, timeout=20)
        self._own_names()
        self._start_dns()

    def close(self):
        for daemon in reversed(self.daemons):
            with contextlib.suppress(Exception):
                daemon.stop()
        subprocess.run(["umount", "-l", self.folder], check=False, timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _own_names(self):
        """The peers ask whom /etc/resolv.conf names, and look this host's own name up; ours are seen in
        this namespace only."""
        texts = {"/etc/resolv.conf": f"nameserver {DNS}\n",
                 "/etc/hosts": f"127.0.0.1 localhost {socket.gethostname()}\n"}
        for path, text in texts.items():
            own = f"{self.folder}/{os.path.basename(path)}"
            with open(own, "w", encoding="ascii") as file:
                file.write(text)
            subprocess.run(["mount", "--bind", own, path], check=True, timeout=20)

    def _start_dns(self):
        """nsd at DNS; before it, dnsdist: at DNS_SLOW slow.test is answered late, at DNS_FAR everything
        is, by the time that a resolver some way off takes."""
        folder = f"{self.folder}/dns"
        os.mkdir(folder)
        with open(f"{folder}/root.zone", "w", encoding="ascii") as file:
            file.write(Zone().text())
        self.daemons.append(start_nsd(folder, DNS, 53, preexec_fn=kill_with_parent))
        for address, rule in (
                (DNS_SLOW, f'addAction({{"slow.test."}}, DelayAction({SLOW_MS}))'),
                (DNS_FAR, f"addAction(AllRule(), DelayAction({FAR_MS}))")):
            path = f"{folder}/dnsdist-{address}.conf"
            with open(path, "w", encoding="ascii") as file:
                file.write(f'setLocal("{address}:53")\nsetSecurityPollSuffix("")\n'
                           f'newServer({{address="{DNS}:53", healthCheckMode="up"}})\n{rule}\n')
            self.daemons.append(Daemon(
                f"dnsdist-{address}", ["/usr/bin/dnsdist", "--supervised", "-C", path], folder,
                ready=lambda a=address: dns_answers(a), preexec_fn=kill_with_parent))

    def load(self, *arguments):
        """Run the load generator; what it measured."""
        done = subprocess.run([f"{self.build}/bench/load", *map(str, arguments)], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=900, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"load {arguments}: {done.stderr}")
        return json.loads(done.stdout)

    def output(self, program):
        """What one of our tools prints."""
        return subprocess.run([f"{self.build}/bench/{program}"], check=True, stdout=subprocess.PIPE,
                              timeout=300, text=True).stdout

    def next_instant(self):
        """A number that tells this run's queue IDs from all others'."""
        self.instant += 1
        return self.instant

    @contextlib.contextmanager
    def server(self, kind, **options):
        """A server to be measured, for the time of a `with`; `kind` is a class below."""
        folder = tempfile.mkdtemp(dir=self.folder)
        os.chmod(folder, 0o755)
        server = kind(self, folder, **options)
        try:
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)


def dns_answers(address):
    """Does a DNS server answer there? A question for the root's SOA."""
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        with contextlib.suppress(OSError):
            client.sendto(question, (address, 53))
            return client.recv(512)[:2] == b"\x12\x34"
    return False


def connects(path):
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.connect(path)
        return True
    return False


class Usage:
    """CPU time and memory of processes, from /proc."""

    def __init__(self, pids):
        self.pids = pids

    def cpu(self):
        """Seconds, user and system, of the processes and the children they waited for."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
                total += sum(map(int, fields[11:15]))
        return total / TICK

    def memory(self, name="VmHWM"):
        """KiB, of the largest process."""
        largest = 0
        for pid in self.pids():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as file:
                for line in file:
                    if line.startswith(name + ":"):
                        largest = max(largest, int(line.split()[1]))
        return largest


class Server:
    """One or several processes that serve a milter or a policy socket."""

    milter = policy = None

    def __init__(self, bench, folder):
        self.bench, self.folder = bench, folder
        self.daemons = []
        self.usage = Usage(lambda: [daemon.process.pid for daemon in self.daemons])

    def start(self, name, argv, socket_path=None, **kwargs):
        daemon = Daemon(name, argv, self.folder, preexec_fn=kill_with_parent,
                        ready=socket_path and (lambda: connects(socket_path)), **kwargs)
        self.daemons.append(daemon)
        return daemon

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.stop()


class NullMilter(Server):
    mode = ["plain"]

    def __init__(self, bench, folder):
        super().__init__(bench, folder)
        self.milter = f"{folder}/milter.sock"
        self.start("null", [f"{bench.build}/bench/null_milter", f"unix:{self.milter}", *self.mode],
                   self.milter)


class LeanNullMilter(NullMilter):
    mode = []


class NullPolicy(Server):
    def __init__(self, bench, folder):
        super().__init__(bench, folder)
        self.policy = f"{folder}/policy.sock"
        self.start("null", [f"{bench.build}/bench/null_policy", self.policy], self.policy)


class Truefrom(Server):
    """Either or both daemons."""

    def __init__(self, bench, folder, policyd=True, milter=True, dns=DNS, **settings):
        super().__init__(bench, folder)
        os.mkdir(f"{folder}/state")
        values = {
            "AuthservID": AUTHSERV_ID, "TrustedAuthservIDs": [AUTHSERV_ID],
            "Nameservers": [dns], "StateDirectory": f"{folder}/state", "StateSize": 256,
            "HistoryDirectory": "", "LogTarget": "stderr", "UMask": "0000",
            "policyd": {"Socket": f"local:{folder}/policy.sock"},
            "milter": {"Socket": f"local:{folder}/milter.sock", "RejectFailures": True},
        }
        values.update(settings)
        self.config = f"{folder}/truefrom.conf"
        with open(self.config, "w", encoding="ascii") as file:
            file.write(libconfig(values))
        if policyd:
            self.policy = f"{folder}/policy.sock"
            self.start_daemon("policyd")
        if milter:
            self.milter = f"{folder}/milter.sock"
            self.start_daemon("milter")

    def start_daemon(self, name):
        self.start(name, [f"{self.bench.build}/{name}/truefrom-{name}", "-c", self.config], notify=True,
                   env={"TRUEFROM_ALLOW_ROOT": "1"})

    def usage_of(self, name):
        return Usage(lambda: [d.process.pid for d in self.daemons if d.name == name])


class OpenDMARC(Server):
    def __init__(self, bench, folder, spf=True):
        super().__init__(bench, folder)
        self.milter = f"{folder}/milter.sock"
        with open(f"{folder}/opendmarc.conf", "w", encoding="ascii") as file:
            file.write(f'''Socket local:{self.milter}
AuthservID {AUTHSERV_ID}
TrustedAuthservIDs {AUTHSERV_ID}
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
SPFSelfValidate {"true" if spf else "false"}
RejectFailures true
UMask 000
Syslog false
''')
        self.start("opendmarc", ["/usr/sbin/opendmarc", "-f", "-c", f"{folder}/opendmarc.conf"],
                   self.milter)


class SPFMilter(Server):
    """Debian's SPF milter, pyspf-milter."""

    def __init__(self, bench, folder):
        super().__init__(bench, folder)
        self.milter = f"{folder}/milter.sock"
        with open(f"{folder}/milter.conf", "w", encoding="ascii") as file:
            file.write(f'''debugLevel = -1
TestOnly = 1
HELO_reject = Fail
Mail_From_reject = Fail
skip_addresses = 127.0.0.0/8
Socket = local:{self.milter}
PidFile = {folder}/milter.pid
UserID = root
InternalHosts = 127.0.0.1
''')
        self.start("spfmilter", ["/usr/bin/pyspf-milter", f"{folder}/milter.conf"], self.milter)


class Postfix(Server):
    """A private Postfix: an smtpd for each of `milters` (name -> main.cf options), and Debian's SPF policy
    servers below spawn(8). Its mail is discarded; its queue is on a tmpfs, so that the disk's noise is
    not measured."""

    SPAWNED = {"spf-python": "/usr/bin/policyd-spf", "spf-perl": "/usr/sbin/postfix-policyd-spf-perl"}
    ADDRESS = "192.0.2.25"

    def __init__(self, bench, folder, services=None):
        super().__init__(bench, folder)
        self.services = services or {}
        self.ports = {name: 2500 + i for i, name in enumerate(self.services)}
        self.queue, self.config = f"{folder}/spool", f"{folder}/postfix"
        postfix = pwd.getpwnam("postfix")
        for path in ("spool", "postfix", "data"):
            os.mkdir(f"{folder}/{path}")
        os.chown(f"{folder}/data", postfix.pw_uid, postfix.pw_gid)
        with open(f"{self.config}/main.cf", "w", encoding="ascii") as file:
            file.write(self._main_cf())
        with open(f"{self.config}/master.cf", "w", encoding="ascii") as file:
            file.write(self._master_cf())
        with open(f"{folder}/policyd-spf.conf", "w", encoding="ascii") as file:
            file.write("debugLevel = -1\nTestOnly = 1\nHELO_reject = Fail\nMail_From_reject = Fail\n"
                       "skip_addresses = 127.0.0.0/8,::1\n")
        subprocess.run(["/usr/sbin/postfix", "-c", self.config, "start"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(f"{self.queue}/pid/master.pid", encoding="ascii") as file:
            self.master = int(file.read())
        self.usage = Usage(lambda: descendants(self.master))

    def stop(self):
        os.kill(self.master, 15)
        wait_for(lambda: not os.path.exists(f"/proc/{self.master}"), "Postfix to end")

    def _main_cf(self):
        return f'''compatibility_level = 3.6
queue_directory = {self.queue}
data_directory = {self.folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {self.folder}/postfix.log
maillog_file_prefixes = {self.folder}
myhostname = mx.bench.test
mydestination =
mynetworks = 127.0.0.1
inet_interfaces = all
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = example.test
virtual_mailbox_maps = static:x
virtual_transport = discard:
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
in_flow_delay = 0
disable_dns_lookups = yes
default_process_limit = 150
milter_default_action = tempfail
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = reject_unauth_destination
'''

    def _master_cf(self):
        lines = []
        for name, options in self.services.items():
            lines.append(f"{self.ADDRESS}:{self.ports[name]} inet n - n - - smtpd")
            lines += [f"  -o {{ {key} = {value} }}" for key, value in options.items()]
        for name, program in self.SPAWNED.items():
            argument = f"{self.folder}/policyd-spf.conf" if name == "spf-python" else ""
            lines.append(f"{name} unix - n n - 0 spawn user=nobody argv={program} {argument}")
        lines.append('''cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd''')
        return "\n".join(lines) + "\n"

    def send(self, name, messages, sessions):
        """smtp-source; the seconds it took, and how many messages Postfix took."""
        log = f"{self.folder}/postfix.log"
        before = os.path.getsize(log) if os.path.exists(log) else 0
        begin = time.monotonic()
        subprocess.run(["/usr/sbin/smtp-source", "-s", str(sessions), "-m", str(messages), "-l", "4096",
                        "-f", "user@d1.bench.test", "-t", "recipient@example.test",
                        f"inet:{self.ADDRESS}:{self.ports[name]}"], check=True, timeout=600,
                       stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - begin

        def accepted():
            with open(log, encoding="utf-8", errors="replace") as file:
                file.seek(before)
                return file.read().count("from=<user@d1.bench.test>, size=")
        wait_for(lambda: accepted() >= messages, f"Postfix to queue all messages of {name}", 60)
        return seconds


def descendants(pid):
    """The process and all below it."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="ascii",
                                                    errors="replace") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found

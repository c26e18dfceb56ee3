"""The laboratory: a private Postfix, DNS server, OpenDKIM, truefrom-policyd and truefrom-milter.

Everything lives in one temporary folder and listens on loopback; close() ends it all. The machine's own
Postfix and resolver are never touched. Clients come from any address that a test wants, by XCLIENT.
"""

import contextlib
import email
import email.policy
import glob
import grp
import json
import os
import pwd
import random
import re
import resource
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("TRUEFROM_BUILDDIR", TOP)
AUTHSERV_ID = "mx.lab.test"
RECIPIENT = "user@rcpt.test"
SIGNER = "192.0.2.250"  # OpenDKIM signs what comes from there
POSTFIX_DAEMONS = "/usr/lib/postfix/sbin"
TIMEOUT = 30


# "FIRST-LAST": runs at the same time have ports of their own
_first_port, _last_port = map(int, os.environ.get("TEST_PORTS", "10000-29999").split("-"))
_given_ports = set()


def free_port():
    """A port that nobody listens on, below those that the kernel gives to outgoing connections: one of
    these could be taken before its server has started."""
    while True:
        port = random.randint(_first_port, _last_port)
        if port in _given_ports:
            continue
        _given_ports.add(port)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            with contextlib.suppress(OSError):
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
                return port


def wait_for(condition, what, seconds=TIMEOUT):
    """Poll until condition() gives something true, and return that."""
    until = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise TimeoutError("timed out waiting for " + what)
        time.sleep(0.02)


class Daemon:
    """A process that says READY=1 (sd_notify) or opens its port; its stderr goes to a file."""

    def __init__(self, name, argv, folder, notify=False, ready=None, **kwargs):
        self.name, self.log_path = name, f"{folder}/{name}.log"
        self.log = open(self.log_path, "ab")
        environment = dict(os.environ, **kwargs.pop("env", {}))
        path = f"{folder}/{name}.notify"
        listener = None
        if notify:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            listener.bind(path)
            os.chmod(path, 0o666)
            listener.settimeout(0.1)
            environment["NOTIFY_SOCKET"] = path
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env=environment, **kwargs)
        try:
            wait_for(lambda: self._ready(listener, ready), name + " to be ready")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            if listener:
                listener.close()

    def _ready(self, listener, ready):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.text()}")
        if listener is None:
            return ready is None or ready()
        try:
            return b"READY=1" in listener.recv(4096)
        except socket.timeout:
            return False

    def text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(TIMEOUT + 10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.log.close()


def listening(port):
    def probe():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False
    return probe


def write_zone(folder, zone):
    """The folder's root.zone, from a zone as in zones.py."""
    lines = ["$TTL 60", ". SOA ns.test. hostmaster.test. 1 3600 600 86400 60", ". NS ns.test.",
             "ns.test. A 127.0.0.1"]
    for name, records in zone.items():
        for kind, values in records.items():
            for value in [values] if isinstance(values, str) else values:
                if kind == "TXT":
                    pieces = [value[i:i + 250] for i in range(0, len(value), 250)]
                    value = " ".join('"' + piece.replace('"', '\\"').replace(";", "\\;") + '"'
                                     for piece in pieces)
                lines.append(f"{name}. {kind} {value}")
    with open(f"{folder}/root.zone", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def start_nsd(folder, address, port, **kwargs):
    """nsd, which answers with the folder's root.zone."""
    with open(f"{folder}/nsd.conf", "w", encoding="utf-8") as file:
        file.write(f'''server:
    ip-address: {address}@{port}
    server-count: 1
    database: ""
    zonesdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    username: ""
    hide-version: yes
    rrl-ratelimit: 0
    zonefiles-check: yes
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "root.zone"
''')
    return Daemon("nsd", ["/usr/sbin/nsd", "-d", "-c", f"{folder}/nsd.conf"], folder,
                  ready=listening(port), **kwargs)


class Reply:
    """What Postfix said to a message."""

    def __init__(self, code, text, port=None):
        self.code, self.text, self.port = code, text, port
        found = re.search(r"queued as (\w+)", text)
        self.queue_id = found.group(1) if found else None

    def __str__(self):
        return f"{self.code} {self.text}"


class Session:
    """One SMTP session from a client of the test's choice."""

    def __init__(self, port, client="192.0.2.10", name=None, helo="client.test", login=None):
        self.smtp = smtplib.SMTP("127.0.0.1", port, local_hostname="lab.test", timeout=120)
        self.port, self.helo = port, helo
        self.smtp.ehlo("lab.test")
        if client:
            address = "IPV6:" + client if ":" in client else client
            self._expect(self.smtp.docmd("XCLIENT", f"ADDR={address} NAME={name or '[UNAVAILABLE]'}"),
                         220)
        self._expect(self.smtp.ehlo(helo), 250)
        if login:
            self.smtp.esmtp_features["auth"] = "PLAIN"
            self.smtp.login(*login)

    @staticmethod
    def _expect(answer, code):
        if answer[0] != code:
            raise RuntimeError(f"unexpected reply {answer}")
        return answer

    def command(self, line):
        return self.smtp.docmd(line)

    def send(self, message, sender="user@honest.test", recipients=(RECIPIENT,)):
        """MAIL, RCPT, DATA; the reply to the first command that is refused, or to the message."""
        answer = self.smtp.docmd(f"MAIL FROM:<{sender}>")
        accepted = 0
        if answer[0] == 250:
            for recipient in recipients:
                answer = self.smtp.docmd(f"RCPT TO:<{recipient}>")
                accepted += answer[0] == 250
        if accepted == 0:
            self.smtp.docmd("RSET")
        else:
            answer = self.smtp.docmd("DATA")
            if answer[0] == 354:
                data = message if isinstance(message, bytes) else message.encode()
                data = re.sub(rb"\r?\n", b"\r\n", data)
                data = re.sub(rb"(?m)^\.", b"..", data)
                self.smtp.send(data + (b"" if data.endswith(b"\r\n") else b"\r\n") + b".\r\n")
                answer = self.smtp.getreply()
        return Reply(answer[0], answer[1].decode(errors="replace"), self.port)

    def close(self):
        with contextlib.suppress(smtplib.SMTPException, OSError):
            self.smtp.quit()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def message(sender="user@honest.test", fields="", body="Hello.\n", date=True):
    """A message's text; `sender` is the From field's body, None for no From field."""
    text = f"From: {sender}\n" if sender is not None else ""
    text += "Date: Mon, 23 Nov 2026 10:00:00 +0000\n" if date else ""
    return f"{text}To: {RECIPIENT}\nSubject: test\n{fields}\n{body}"


class Lab:
    """See above. `zone` adds to the names of zones.py; policies hold for the whole laboratory."""

    # How the policy service can be attached; each is an smtpd on a port of its own. Those without
    # OpenDKIM are for many messages at once: with a resolver configuration its 2.11 ends at the
    # first collision of two threads that read it ("flex scanner internal error").
    ATTACHMENTS = {
        "documented": ("rcpt", "data"),
        "recipient": ("rcpt",),
        "recipient_open": ("rcpt",),
        "data": ("data",),
        "end_of_data": ("eod",),
        "none": (),
        "guarded": ("rcpt", "data"),  # as documented, with header_checks
        "guarded_none": (),
        "chroot": ("rcpt", "data"),
        "nodkim": ("rcpt", "data"),
        "recipient_nodkim": ("rcpt",),
        "smuggling_nodkim": ("rcpt", "data"),  # takes a bare newline for a line end, as Postfix 3.7 does
        "smuggling_guarded_nodkim": ("rcpt", "data"),  # so too, with reject_unauth_pipelining
        "sign": (),
    }

    def __init__(self, zone, policyd=True, long_queue_ids=False, **settings):
        self.folder = tempfile.mkdtemp(prefix="tf-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.running = []
        self.policyd = self.milter = None
        self.ports = {name: free_port() for name in self.ATTACHMENTS}
        self.dns_port = free_port()
        self.zone = zone
        self.settings = {"milter": {}, "policyd": {}}
        self.with_policyd, self.long_queue_ids = policyd, long_queue_ids
        try:
            self._start(settings)
        except BaseException:
            self.close()
            raise

    # --- starting and stopping ------------------------------------------------------------------

    def _start(self, settings):
        self._prepare_folders()
        self._start_nsd()
        self._start_opendkim()
        self.configure(**settings)
        if self.with_policyd:
            self.start_policyd()
        self.start_milter()
        self._start_postfix()

    def close(self):
        for step in [self._stop_postfix, self.stop_milter, self.stop_policyd] + \
                [daemon.stop for daemon in reversed(self.running)]:
            try:
                step()
            except Exception as error:  # end the rest all the same
                print(f"{step}: {error}", file=sys.stderr)
        self.running = []
        reports = self._reports()
        if not os.environ.get("TRUEFROM_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        assert not reports, reports

    def _reports(self):
        """What sanitizers that the daemons were built with had to say, and libmilter of our replies."""
        reports = ""
        for path in glob.glob(f"{self.folder}/truefrom-*.log"):
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            found = re.search(r"[^\n]*(?:Sanitizer|runtime error|milter claimed).*", text, re.S)
            if found:
                reports += f"{path}: {found.group(0)[:3000]}\n"
        return reports

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _prepare_folders(self):
        postfix, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        self.queue, self.config = f"{self.folder}/spool", f"{self.folder}/postfix"
        self.sockets, self.state = f"{self.queue}/truefrom", f"{self.folder}/state"
        self.mail = f"{self.folder}/mail"
        for path in ("spool", "spool/truefrom", "postfix", "postfix/sasl", "data", "state", "mail", "dns", "bin",
                     "dkim"):
            os.mkdir(f"{self.folder}/{path}")
        os.chown(f"{self.folder}/data", postfix.pw_uid, postfix.pw_gid)
        os.chown(self.mail, nobody.pw_uid, nobody.pw_gid)
        # both daemons and Postfix have the group: sockets and store are shared through it
        for path in (self.sockets, self.state):
            os.chown(path, 0, postfix.pw_gid)
            os.chmod(path, 0o2770)
        shutil.copy("/etc/services", f"{self.folder}/services")
        self.ignore_hosts = f"{self.folder}/ignore.hosts"
        with open(self.ignore_hosts, "w", encoding="utf-8") as file:
            file.write("203.0.113.99\n")

    def _start_nsd(self):
        self.write_zone()
        self.running.append(start_nsd(f"{self.folder}/dns", "127.0.0.1", self.dns_port))

    def write_zone(self):
        write_zone(f"{self.folder}/dns", self.zone)

    def _start_opendkim(self):
        folder = f"{self.folder}/dkim"
        port = free_port()
        self.dkim_socket = f"inet:127.0.0.1:{port}"
        with open(f"{folder}/unbound.conf", "w", encoding="utf-8") as file:
            file.write(f'''server:
    do-not-query-localhost: no
    module-config: "iterator"
    local-zone: "test." nodefault
    cache-max-negative-ttl: 0
stub-zone:
    name: "test."
    stub-addr: 127.0.0.1@{self.dns_port}
    stub-prime: no
''')
        with open(f"{folder}/opendkim.conf", "w", encoding="utf-8") as file:
            file.write(f'''Mode sv
Socket inet:{port}@127.0.0.1
AuthservID {AUTHSERV_ID}
KeyTable file:{folder}/keys
SigningTable refile:{folder}/signers
InternalHosts {folder}/internal
ExternalIgnoreList {folder}/internal
ResolverConfiguration {folder}/unbound.conf
RequireSafeKeys no
Syslog no
AlwaysAddARHeader yes
Canonicalization relaxed/relaxed
OversignHeaders From
''')
        with open(f"{folder}/internal", "w", encoding="utf-8") as file:
            file.write(SIGNER + "\n")
        with open(f"{folder}/keys", "w", encoding="utf-8") as file:
            file.writelines(f"{d} {d}:s1:{self.dkim_key(d)}\n" for d in self.dkim_domains())
        with open(f"{folder}/signers", "w", encoding="utf-8") as file:
            file.writelines(f"*@{d} {d}\n" for d in self.dkim_domains())
        daemon = Daemon("opendkim", ["/usr/sbin/opendkim", "-f", "-x", f"{folder}/opendkim.conf"],
                        self.folder, ready=listening(port))
        self.running.append(daemon)

    def dkim_domains(self):
        return [name[len("s1._domainkey."):] for name in self.zone
                if name.startswith("s1._domainkey.")]

    def dkim_key(self, _domain):
        return f"{HERE}/keys/dkim.private"

    def _start_postfix(self):
        self._write_master()
        with open(f"{self.config}/main.cf", "w", encoding="utf-8") as file:
            file.write(self._main_cf())
        self._prepare_sasl()
        self._prepare_chroot()
        start = subprocess.run(["/usr/sbin/postfix", "-c", self.config, "start"], check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT,
                               env=dict(os.environ, MAIL_LOGTAG="lab"))
        if start.returncode != 0:
            raise RuntimeError(f"postfix start: {start.stderr.decode()}\n{self.postfix_log()}")
        for name, port in self.ports.items():
            wait_for(listening(port), f"Postfix on the port for {name}")

    def _stop_postfix(self):
        path = f"{self.queue}/pid/master.pid"
        if not os.path.exists(path):
            return
        with open(path, encoding="ascii") as file:
            pid = int(file.read())
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "Postfix's master to end")

    def postfix_log(self):
        with open(f"{self.folder}/postfix.log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def _main_cf(self):
        return f'''compatibility_level = 3.6
queue_directory = {self.queue}
data_directory = {self.folder}/data
command_directory = /usr/sbin
daemon_directory = {POSTFIX_DAEMONS}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {self.folder}/postfix.log
maillog_file_prefixes = {self.folder}
myhostname = mx.lab.test
mydestination =
mynetworks = 127.0.0.1
inet_interfaces = 127.0.0.1
inet_protocols = all
smtputf8_enable = yes
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = rcpt.test, second.test
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = {self.mail}
virtual_minimum_uid = 1
virtual_uid_maps = static:{pwd.getpwnam("nobody").pw_uid}
virtual_gid_maps = static:{pwd.getpwnam("nobody").pw_gid}
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_peername_lookup = no
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {self.config}/sasl
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
smtpd_soft_error_limit = 1000
smtpd_junk_command_limit = 1000
in_flow_delay = 0
smtpd_forbid_bare_newline = yes
local_header_rewrite_clients =
enable_long_queue_ids = {"yes" if self.long_queue_ids else "no"}
disable_dns_lookups = yes
default_process_limit = 60
message_size_limit = 20480000
milter_default_action = tempfail
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
'''

    def _write_master(self):
        policy = "check_policy_service { unix:truefrom/policyd.sock, timeout=20s, default_action=DUNNO }"
        refuse = "check_recipient_access inline:{refused@rcpt.test=REJECT}"
        lines = []
        for name, places in self.ATTACHMENTS.items():
            milters = "unix:truefrom/milter.sock"
            if name == "sign":
                milters = self.dkim_socket
            elif not name.endswith("nodkim"):
                milters = f"{self.dkim_socket}, {milters}"
            options = {
                "syslog_name": f"lab/{name}",
                "smtpd_milters": milters,
                "smtpd_recipient_restrictions": f"reject_unauth_destination, {refuse}"
                                                + (f", {policy}" if "rcpt" in places else ""),
                "smtpd_data_restrictions": policy if "data" in places else "",
                "smtpd_end_of_data_restrictions": policy if "eod" in places else "",
                "smtpd_delay_open_until_valid_rcpt": "no" if name == "recipient_open" else "yes",
            }
            if name.startswith("smuggling"):
                options["smtpd_forbid_bare_newline"] = "no"
            if name.startswith("smuggling_guarded"):
                options["smtpd_data_restrictions"] = f"reject_unauth_pipelining, {policy}"
            if name.startswith("guarded"):
                options["cleanup_service_name"] = "cleanup_guarded"
            chroot = "y" if name == "chroot" else "n"
            lines.append(f"127.0.0.1:{self.ports[name]} inet n - {chroot} - - smtpd")
            lines += [f"  -o {{ {key} = {value} }}" for key, value in options.items()]
        lines.append(f'''cleanup_guarded unix n - n - 0 cleanup
  -o {{ header_checks = regexp:{{{{/^Authentication-Results:/ IGNORE}}}} }}
  -o {{ mime_header_checks = }}
  -o {{ nested_header_checks = }}''')
        lines.append('''pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
local unix - n n - - local
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd''')
        with open(f"{self.config}/master.cf", "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def _prepare_sasl(self):
        folder = f"{self.config}/sasl"
        with open(f"{folder}/smtpd.conf", "w", encoding="utf-8") as file:
            file.write(f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                       f"sasldb_path: {folder}/sasldb2\nmech_list: PLAIN\n")
        subprocess.run(["/usr/sbin/saslpasswd2", "-p", "-c", "-u", "mx.lab.test", "-f",
                        f"{folder}/sasldb2", "joe"], input=b"secret", check=True, timeout=TIMEOUT)
        os.chmod(f"{folder}/sasldb2", 0o644)

    def _prepare_chroot(self):
        os.makedirs(f"{self.queue}/etc", exist_ok=True)
        shutil.copy("/etc/services", f"{self.queue}/etc/services")

    # --- our daemons ---------------------------------------------------------------------------

    def configure(self, **settings):
        """Write the configuration; settings are merged into those of before."""
        for key, value in settings.items():
            if isinstance(value, dict):
                self.settings[key].update(value)
            else:
                self.settings[key] = value
        values = {
            "AuthservID": AUTHSERV_ID,
            "IgnoreHosts": self.ignore_hosts,
            "Nameservers": [f"127.0.0.1@{self.dns_port}"],
            "StateDirectory": self.state,
            "StateSize": 64,
            "HistoryDirectory": "",
            "LogTarget": "stderr",
            "policyd": {"Socket": f"local:{self.sockets}/policyd.sock"},
            "milter": {"Socket": f"local:{self.sockets}/milter.sock", "RejectFailures": True},
        }
        for key, value in self.settings.items():
            if isinstance(value, dict):
                values[key].update(value)
            elif value is None:
                values.pop(key, None)
            else:
                values[key] = value
        self.config_path = f"{self.folder}/truefrom.conf"
        with open(self.config_path + ".new", "w", encoding="utf-8") as file:
            file.write(libconfig(values))
        os.rename(self.config_path + ".new", self.config_path)

    def _start_truefrom(self, name, path, user, file_size_limit=None):
        def limit():
            if file_size_limit:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_limit, file_size_limit))
        # a copy: the checkout may lie where only root can go
        program = f"{self.folder}/bin/{name}"
        if not os.path.exists(program):
            shutil.copy(f"{BUILD}/{path}", program)
        suppressions = shutil.copy(f"{TOP}/tests/lsan.supp", self.folder)
        return Daemon(name, [program, "-c", self.config_path], self.folder, notify=True,
                      env={"LSAN_OPTIONS": f"suppressions={suppressions}:print_suppressions=0"},
                      user=user, group=grp.getgrnam("postfix").gr_gid, extra_groups=[], umask=0o077,
                      preexec_fn=limit)

    def start_policyd(self, **limits):
        self.policyd = self._start_truefrom("truefrom-policyd", "policyd/truefrom-policyd", "daemon",
                                            **limits)

    def start_milter(self):
        self.milter = self._start_truefrom("truefrom-milter", "milter/truefrom-milter", "nobody")

    def stop_policyd(self, number=signal.SIGTERM):
        daemon, self.policyd = self.policyd, None
        return daemon.stop(number) if daemon else None

    def stop_milter(self, number=signal.SIGTERM):
        daemon, self.milter = self.milter, None
        return daemon.stop(number) if daemon else None

    def reload(self, daemon, what="reloaded", **settings):
        """Change settings of a running daemon by SIGHUP, and wait until its log says so."""
        self.configure(**settings)
        what = "]: " + what
        before = daemon.text().count(what)
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: daemon.text().count(what) > before, f"{daemon.name} to have {what}")

    @contextlib.contextmanager
    def milter_settings(self, **settings):
        """milter options that hold for one test."""
        before = dict(self.settings["milter"])
        try:
            self.reload(self.milter, milter=settings)
            yield
        finally:
            self.settings["milter"] = before
            self.reload(self.milter)

    # --- mail ------------------------------------------------------------------------------------

    def session(self, attachment="documented", **kwargs):
        return Session(self.ports[attachment], **kwargs)

    def send(self, text, attachment="documented", sender="user@honest.test",
             recipients=(RECIPIENT,), **kwargs):
        """One message in a session of its own."""
        with self.session(attachment, **kwargs) as session:
            return session.send(text, sender, recipients)

    def sign(self, text):
        """The message with a DKIM signature of its From domain, made by OpenDKIM."""
        reply = self.send(text, "sign", client=SIGNER, sender="signer@lab.test")
        signed = self.delivered(reply).as_bytes(policy=email.policy.SMTP)
        return signed[signed.index(b"DKIM-Signature:"):]

    def delivered(self, reply):
        """The message as it was delivered."""
        assert reply.code == 250, str(reply)
        path = wait_for(lambda: self._find(reply.queue_id), f"{reply.queue_id} to be delivered")
        with open(path, "rb") as file:
            return email.message_from_binary_file(file, policy=email.policy.compat32)

    def _find(self, queue_id):
        needle = re.compile(rb"id " + queue_id.encode() + rb"[\s;]")
        for path in glob.glob(f"{self.mail}/inbox/new/*"):
            with open(path, "rb") as file:
                if needle.search(file.read(65536)):
                    return path
        return None

    def results(self, reply):
        """Our Authentication-Results of a delivered message, each unfolded."""
        found = self.delivered(reply).get_all("Authentication-Results") or []
        return [re.sub(r"\s+", " ", field) for field in found]

    def result(self, reply):
        """The field that our milter added: the first one, which must have dmarc=."""
        fields = self.results(reply)
        assert fields and "dmarc=" in fields[0], fields
        return fields[0]

    def held(self, reply):
        """Is the message in the hold queue, as postqueue -p shows it?"""
        text = subprocess.run(["/usr/sbin/postqueue", "-c", self.config, "-p"], check=True,
                              stdout=subprocess.PIPE, timeout=TIMEOUT).stdout.decode()
        return re.search(rf"^{reply.queue_id}!", text, re.M) is not None

    def queued(self, reply):
        """The text of a message in the queue, unfolded."""
        text = subprocess.run(["/usr/sbin/postcat", "-c", self.config, "-q", reply.queue_id],
                              check=True, stdout=subprocess.PIPE, timeout=TIMEOUT).stdout.decode()
        return re.sub(r"\n\s+", " ", text)

    def logged(self, pattern, wait=True):
        """Does Postfix' log have it, now or soon?"""
        def look():
            return re.search(pattern, self.postfix_log()) is not None
        if wait:
            wait_for(look, f"Postfix to log {pattern}")
        return look()

    def verdict_line(self, queue_id):
        """The milter's log line of a message (contract section 8), without its head."""
        found = re.findall(rf"^truefrom-milter\[\d+\]: ({queue_id}: \S+ \w+ policy=.*)$",
                           self.milter.text(), re.M)
        assert found, f"no line for {queue_id}"
        return found[-1]

    def join(self, reply):
        """Where the milter had the SPF result from."""
        return re.search(r"join=(\w+)", self.verdict_line(reply.queue_id)).group(1)


def libconfig(values, indent=""):
    """A dictionary as libconfig text."""
    lines = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines.append(f"{indent}{key}: {{\n{libconfig(value, indent + '    ')}{indent}}};\n")
            continue
        if isinstance(value, (list, tuple)):
            text = "( " + ", ".join("{ " + libconfig(item) + "}" if isinstance(item, dict)
                                    else json.dumps(item) for item in value) + " )"
        else:
            text = json.dumps(value)
        lines.append(f"{indent}{key} = {text};\n")
    return "".join(lines)

"""truefrom doctor against a real Postfix: the documented set-up is fine; each thing broken gives its finding,
with the line that repairs it."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess

import pytest

from lab import BUILD, Lab, TOP, free_port, message
from tool import TIMEOUT, truefrom, write_config
from zones import ZONE

DOCUMENTED = f"{TOP}/etc/postfix/main.cf.recipient-and-data"
FAULTDNS = f"{TOP}/tests/support/faultdns.py"
POLICY = "check_policy_service { unix:truefrom/policyd.sock, timeout=30s, default_action=DUNNO }"
RECIPIENT = "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"


class DoctorLab(Lab):
    """One smtpd, attached as etc/postfix says."""

    ATTACHMENTS = {"documented": ("rcpt", "data")}

    def _main_cf(self):
        with open(DOCUMENTED, encoding="utf-8") as file:
            documented = file.read().replace("unix:opendkim/opendkim.sock", self.dkim_socket)
        names = re.findall(r"^(\w+) =", documented, re.M)
        lines = [line for line in super()._main_cf().splitlines() if line.split(" =")[0] not in names]
        return "\n".join(lines) + "\n" + documented

    def _write_master(self):
        super()._write_master()
        with open(f"{self.config}/master.cf", encoding="utf-8") as file:
            lines = [line for line in file if not line.startswith("  -o")]
        with open(f"{self.config}/master.cf", "w", encoding="utf-8") as file:
            file.writelines(lines)

    @property
    def dkim_conf(self):
        return f"{self.folder}/dkim/opendkim.conf"

    @property
    def service(self):
        return f"127.0.0.1:{self.ports['documented']}/inet"


class Found:
    """What one run found."""

    def __init__(self, done):
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        self.status, self.stderr = done.returncode, done.stderr
        self.all = json.loads(done.stdout)
        self.findings, self.afterwards = self.all["findings"], self.all["afterwards"]

    def keywords(self, *severities):
        return [finding["keyword"] for finding in self.findings if finding["severity"] in severities]

    @property
    def problems(self):
        return self.keywords("warning", "error")

    @property
    def notes(self):
        return set(self.keywords("note"))

    def named(self, keyword):
        return [finding for finding in self.findings
                if finding["keyword"] == keyword and finding["severity"] != "ok"]

    def __getitem__(self, keyword):
        found = self.named(keyword)
        assert len(found) == 1, (keyword, self.findings)
        return found[0]

    def changes(self, keyword):
        return [change.get("line", change.get("command")) for change in self[keyword]["changes"]]


class Host:
    """A copy of the laboratory's configuration files, to break and to repair."""

    def __init__(self, lab, folder):
        self.lab, self.postfix = lab, f"{folder}/postfix"
        shutil.copytree(lab.config, self.postfix)
        self.conf = shutil.copy(lab.config_path, f"{folder}/truefrom.conf")
        self.dkim = shutil.copy(lab.dkim_conf, f"{folder}/opendkim.conf")
        self.log = f"{lab.folder}/truefrom-milter.log"

    def arguments(self, *more):
        return ("-c", self.conf, "doctor", "--config-dir", self.postfix, "--opendkim", self.dkim,
                "--log", self.log, *more)

    def look(self):
        return Found(truefrom(*self.arguments("--json")))

    def postconf(self, *arguments):
        subprocess.run(["/usr/sbin/postconf", "-c", self.postfix, *arguments], check=True,
                       timeout=TIMEOUT)
        # Postfix waits until a file that was written just now is two seconds old
        for name in ("main.cf", "master.cf"):
            os.utime(f"{self.postfix}/{name}", (1, 1))

    def main(self, **parameters):
        self.postconf("-e", *(f"{name}={value}" for name, value in parameters.items()))

    def override(self, service, setting):
        """Add "name = value" to a service; "postconf -P" cannot do it when there is a blank in it."""
        service, kind = service.split("/")
        with open(f"{self.postfix}/master.cf", encoding="utf-8") as file:
            lines = file.read().splitlines()
        at = next(i for i, line in enumerate(lines) if line.split()[:2] == [service, kind]) + 1
        name = setting.split(" =")[0]
        while at < len(lines) and lines[at].startswith(" "):
            if re.match(rf"\s+-o {{ {name} =", lines[at]):
                break
            at += 1
        lines[at:at + (at < len(lines) and lines[at].startswith(" "))] = [f"  -o {{ {setting} }}"]
        with open(f"{self.postfix}/master.cf", "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        os.utime(f"{self.postfix}/master.cf", (1, 1))

    def chroot(self):
        self.postconf("-F", f"{self.lab.service}/chroot=y")

    def add_service(self, name, kind="inet", command="smtpd"):
        self.postconf("-M", f"{name}/{kind}={name} {kind} n - n - - {command}")

    def edit(self, path, pattern, text):
        with open(path, encoding="utf-8") as file:
            before = file.read()
        after, count = re.subn(pattern, lambda _: text, before, flags=re.M)
        assert count == 1, (pattern, before)
        with open(path, "w", encoding="utf-8") as file:
            file.write(after)

    def set_dkim(self, line):
        """Set what the line sets."""
        name = line.split()[0]
        with open(self.dkim, encoding="utf-8") as file:
            rest = [old for old in file if old.split()[0] != name]
        with open(self.dkim, "w", encoding="utf-8") as file:
            file.writelines([*rest, line + "\n"])

    def set_conf(self, section, line):
        """Set an option of truefrom.conf, where it stands or else at the beginning of its group."""
        name = line.split()[0]
        with open(self.conf, encoding="utf-8") as file:
            text = file.read()
        head, group, rest = "", text, ""
        if section is not None:
            found = re.search(rf"(^{section.split()[1]}: {{\n)(.*?)(^}};)", text, re.M | re.S)
            head, group, rest = text[:found.end(1)], found.group(2), text[found.start(3):]
        group, count = re.subn(rf"^ *{name} = .*;$", lambda _: line, group, flags=re.M)
        assert count <= 1, (name, text)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(head + ("" if count else line + "\n") + group + rest)

    def repair(self, change):
        """Do what a finding says."""
        line = change.get("line")
        if "command" in change:
            subprocess.run(["/bin/sh", "-c", change["command"]], check=True, timeout=TIMEOUT)
        elif change["file"] == f"{self.postfix}/main.cf":
            self.postconf("-e", line)
        elif change["file"] == f"{self.postfix}/master.cf":
            self.override(change["section"], re.fullmatch(r"-o \{ (.*) \}", line).group(1))
        elif change["file"] == self.dkim:
            self.set_dkim(line)
        elif change["file"] == self.conf:
            self.set_conf(change.get("section"), line)
        else:
            raise AssertionError(change)

    def repair_all(self, finding):
        assert finding["changes"], finding
        for change in finding["changes"]:
            self.repair(change)


@pytest.fixture(scope="module")
def lab():
    with DoctorLab(ZONE, IgnoreHosts=None) as shared:
        yield shared


@pytest.fixture
def host(lab, tmp_path):
    os.chmod(tmp_path, 0o755)
    return Host(lab, str(tmp_path))


# What the laboratory has for its own ends, or what is advice only.
NOTES = {"xclient"}


def test_the_documented_setup_is_fine(host, lab):
    reply = lab.send(message("a@honest.test"))
    assert lab.join(reply) == "queueid"
    found = host.look()
    assert (found.status, found.problems, found.notes) == (0, [], NOTES)
    assert {"config", "postfix", "socket", "state", "forged-results", "smuggling", "dkim", "milter", "policy", "resolver",
            "join"} == set(found.keywords("ok"))
    texts = {finding["keyword"]: finding["text"] for finding in found.findings}
    assert re.search(r"by queue ID [1-9]\d*, by envelope 0, from a header 0, evaluated by truefrom-milter 0",
                     texts["join"])
    assert texts["policy"] == "Postfix asks truefrom-policyd at recipient data restrictions"


def test_the_list_to_read(host):
    host.main(milter_default_action="accept")
    done = truefrom(*host.arguments())
    assert done.returncode == 1 and done.stderr == ""
    assert "\033" not in done.stdout
    assert (f"warning  milter-default-action ({host.lab.service}): milter_default_action is accept\n"
            in done.stdout)
    assert f"\n         -> {host.postfix}/main.cf: milter_default_action = tempfail\n" in done.stdout
    assert done.stdout.endswith("0 errors, 1 warning, 1 note\n")


# What is broken in main.cf; the finding; its line, which repairs it.
MAIN_CF = [
    ("order", {"smtpd_milters": "unix:truefrom/milter.sock, DKIM"},
     "milter-order", "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("not there", {"smtpd_milters": "DKIM"},
     "milter-missing", "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("no DKIM", {"smtpd_milters": "unix:truefrom/milter.sock"},
     "dkim-missing", "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("dead ones", {"smtpd_milters": "inet:127.0.0.1:1, DKIM, unix:truefrom/milter.sock, { unix:no/such, protocol=6 }"},
     ["milter-down", "milter-down"], "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("misspelt path", {"smtpd_milters": "DKIM, unix:truefrom/miter.sock"},
     "milter-path", "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("misspelt path beside ours", {"smtpd_milters": "unix:truefrom/miter.sock DKIM unix:truefrom/milter.sock"},
     "milter-path", "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("OpenDMARC", {"smtpd_milters": "DKIM, local:opendmarc/opendmarc.sock, unix:truefrom/milter.sock"},
     "opendmarc", "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("OpenDMARC in braces",
     {"smtpd_milters": "DKIM, { inet:127.0.0.1:8893, default_action=accept }, unix:truefrom/milter.sock"},
     "opendmarc", "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("dead policy service", {"smtpd_helo_restrictions": "check_policy_service unix:other/policy.sock, reject_invalid_helo_hostname"},
     "policy-down", "smtpd_helo_restrictions = reject_invalid_helo_hostname"),
    ("behind permit_auth_destination",
     {"smtpd_recipient_restrictions": f"permit_mynetworks, permit_auth_destination, {POLICY}"},
     "policy-unreachable", f"smtpd_recipient_restrictions = permit_mynetworks, {POLICY}, permit_auth_destination"),
    ("twice", {"smtpd_milters": "DKIM, unix:truefrom/milter.sock, { local:truefrom/milter.sock }"},
     "milter-twice", "smtpd_milters = DKIM, { local:truefrom/milter.sock }"),
    ("through a variable", {"all": "unix:truefrom/milter.sock DKIM", "smtpd_milters": "$all"},
     "milter-order", "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("absolute path without chroot", {"smtpd_milters": "DKIM, unix:/truefrom/milter.sock"},
     "milter-path", "smtpd_milters = DKIM, unix:truefrom/milter.sock"),
    ("another path", {"smtpd_milters": "DKIM, { unix:/run/truefrom/milter.sock, protocol=6 }"},
     "milter-path", "smtpd_milters = DKIM, { unix:truefrom/milter.sock, protocol=6 }"),
    ("accept", {"milter_default_action": "accept"},
     "milter-default-action", "milter_default_action = tempfail"),
    ("accept for ours", {"smtpd_milters": "DKIM, { unix:truefrom/milter.sock, default_action=accept }"},
     "milter-default-action", "smtpd_milters = DKIM, { unix:truefrom/milter.sock, default_action=tempfail }"),
    ("content timeout", {"milter_content_timeout": "10s"},
     "milter-timeout", "milter_content_timeout = 300s"),
    ("proxy filter", {"smtpd_proxy_filter": "127.0.0.1:10025"}, "proxy-filter", "smtpd_proxy_filter ="),
    ("switched off", {"receive_override_options": "no_milters, no_address_mappings"},
     "milter-off", "receive_override_options = no_address_mappings"),
    ("local mail", {"non_smtpd_milters": "unix:truefrom/milter.sock DKIM"},
     "non-smtpd-milters", "non_smtpd_milters = DKIM"),
    ("misspelt", {"smtpd_milter": "DKIM"}, "postfix-unused", None),
    ("early queue file", {"smtpd_delay_open_until_valid_rcpt": "no"},
     "delay-open", "smtpd_delay_open_until_valid_rcpt = yes"),
    ("no default action", {"smtpd_data_restrictions": "check_policy_service unix:truefrom/policyd.sock"},
     "policy-default-action",
     "smtpd_data_restrictions = check_policy_service { unix:truefrom/policyd.sock, default_action=DUNNO }"),
    ("short time", {"smtpd_data_restrictions":
                    "check_policy_service { unix:truefrom/policyd.sock, { timeout = 3s }, default_action=DUNNO }"},
     "policy-timeout",
     "smtpd_data_restrictions = "
     "check_policy_service { unix:truefrom/policyd.sock, default_action=DUNNO, timeout=30s }"),
    ("behind a permit", {"smtpd_data_restrictions": f"permit_mynetworks, {POLICY}"},
     "policy-after-permit", f"smtpd_data_restrictions = {POLICY}, permit_mynetworks"),
    ("never reached", {"smtpd_recipient_restrictions": f"{RECIPIENT}, permit, {POLICY}"},
     "policy-unreachable", f"smtpd_recipient_restrictions = {RECIPIENT}, {POLICY}, permit"),
    ("before the relay check", {"smtpd_recipient_restrictions": f"{POLICY}, reject_unauth_destination",
                                "smtpd_relay_restrictions": ""},
     "policy-position", f"smtpd_recipient_restrictions = reject_unauth_destination, {POLICY}"),
    ("policy service's path", {"smtpd_data_restrictions": POLICY.replace("unix:", "unix:/")},
     "policy-path", f"smtpd_data_restrictions = {POLICY}"),
]


@pytest.mark.parametrize("parameters, keyword, line", [row[1:] for row in MAIN_CF],
                         ids=[row[0] for row in MAIN_CF])
def test_main_cf(host, parameters, keyword, line):
    def real(text):
        return text.replace("DKIM", host.lab.dkim_socket)
    host.main(**{name: real(value) for name, value in parameters.items()})
    found = host.look()
    keywords = [keyword] if isinstance(keyword, str) else keyword
    assert (found.status, found.problems, found.notes) == (1, keywords, NOTES)
    assert found.stderr == ""
    if line is not None:
        assert found.afterwards == [f"postfix -c {host.postfix} reload"]
        for finding in found.named(keywords[0]):
            assert [change["line"] for change in finding["changes"]] == [real(line)]
            host.repair_all(finding)
        assert host.look().problems == []


def test_milter_protocol(host):
    """An old one works, and costs more."""
    host.main(milter_protocol="2")
    found = host.look()
    assert (found.status, found.notes - NOTES) == (0, {"milter-protocol"})
    assert found.changes("milter-protocol") == ["milter_protocol = 6"]
    host.repair_all(found["milter-protocol"])
    assert host.look().notes == NOTES


def test_no_policy_service(host):
    # another one, which answers
    policy_off = f"check_policy_service inet:127.0.0.1:{host.lab.dns_port}"
    host.main(smtpd_recipient_restrictions=f"{RECIPIENT}, reject_rbl_client bl.test, permit",
              smtpd_data_restrictions=f"reject_unauth_pipelining, {policy_off}")
    found = host.look()
    # then a forged spf= is believed, too
    assert found.problems == ["policy-missing"]
    assert found.changes("policy-missing") == [
        f"smtpd_recipient_restrictions = {RECIPIENT}, reject_rbl_client bl.test, {POLICY}, permit",
        f"smtpd_data_restrictions = {POLICY}, reject_unauth_pipelining, {policy_off}"]
    host.repair_all(found["policy-missing"])
    assert host.look().problems == []


def test_policy_service_in_a_useless_list(host):
    host.main(smtpd_recipient_restrictions=RECIPIENT, smtpd_data_restrictions="",
              smtpd_helo_restrictions=POLICY)
    host.set_dkim("RemoveARAll yes")
    assert host.look().problems == ["policy-place"]


def test_policy_service_at_recipient_restrictions_only(host):
    host.main(smtpd_data_restrictions="")
    found = host.look()
    assert (found.status, found.problems, found.notes - NOTES) == (0, [], {"policy-data-missing"})
    assert found.changes("policy-data-missing") == [f"smtpd_data_restrictions = {POLICY}"]
    host.repair_all(found["policy-data-missing"])
    assert host.look().notes == NOTES


@pytest.mark.parametrize("where", ["smtpd_data_restrictions", "smtpd_end_of_data_restrictions"])
def test_other_documented_ways(host, where):
    host.main(smtpd_recipient_restrictions=RECIPIENT, smtpd_data_restrictions="")
    host.main(**{where: POLICY})
    found = host.look()
    assert (found.status, found.notes) == (0, NOTES)


def test_restriction_class(host):
    host.main(smtpd_restriction_classes="asked, other", asked=POLICY, smtpd_data_restrictions="asked")
    assert host.look().problems == []
    host.main(asked="check_policy_service unix:truefrom/policyd.sock")
    found = host.look()
    assert found.changes("policy-default-action") == [
        "asked = check_policy_service { unix:truefrom/policyd.sock, default_action=DUNNO }"]


def test_overrides_in_master_cf(host):
    """The public service's own lists count; what is only for users or this host is left alone."""
    host.add_service("2525")
    host.add_service("submission")
    host.add_service("smtp", command="postscreen")
    host.override("2525/inet", f"smtpd_milters = unix:truefrom/milter.sock, {host.lab.dkim_socket}")
    for service in ("submission/inet", host.lab.service):
        for setting in ("smtpd_milters =", "smtpd_recipient_restrictions = permit_mynetworks, reject",
                        "smtpd_data_restrictions =", "receive_override_options = no_milters"):
            host.override(service, setting)
    found = host.look()
    assert found.problems == ["milter-order"]
    finding = found["milter-order"]
    assert finding["where"] == "2525/inet"
    assert finding["changes"] == [{
        "file": f"{host.postfix}/master.cf", "section": "2525/inet",
        "line": f"-o {{ smtpd_milters = {host.lab.dkim_socket}, unix:truefrom/milter.sock }}"}]
    host.repair_all(finding)
    assert host.look().problems == []


def test_services_that_share_a_fault_are_told_once(host):
    host.add_service("2525")
    host.add_service("smtpd", kind="pass")
    host.override(host.lab.service, "smtpd_milters =")
    host.main(milter_default_action="accept")
    found = host.look()
    assert found.problems == ["milter-default-action"]
    assert found["milter-default-action"]["where"] == "2525/inet, smtpd/pass"


def test_sockets_inside_of_the_chroot(host):
    host.chroot()
    assert host.look().problems == []
    milter = f"unix:{host.lab.sockets}/milter.sock"
    policy = POLICY.replace("unix:truefrom", f"unix:{host.lab.sockets}")
    host.main(smtpd_milters=f"{host.lab.dkim_socket}, {milter}", smtpd_data_restrictions=policy)
    found = host.look()
    assert found.problems == ["milter-path", "policy-path"]
    assert "inside of the chroot" in found["milter-path"]["text"]
    assert found.changes("milter-path") == [
        f"smtpd_milters = {host.lab.dkim_socket}, unix:truefrom/milter.sock"]
    assert found.changes("policy-path") == [f"smtpd_data_restrictions = {POLICY}"]
    for keyword in ("milter-path", "policy-path"):
        host.repair_all(found[keyword])
    assert host.look().problems == []


def test_socket_outside_of_the_chroot(host):
    """Only the daemon's Socket can be changed then, and Postfix's words with it."""
    outside = f"{host.lab.folder}/milter.sock"
    os.symlink(f"{host.lab.sockets}/milter.sock", outside)
    host.edit(host.conf, r'Socket = ".*milter\.sock";', f'Socket = "local:{outside}";')
    host.main(smtpd_milters=f"{host.lab.dkim_socket}, unix:{outside}")
    assert host.look().problems == []
    host.chroot()
    found = host.look()
    assert found.problems == ["milter-path"]
    assert found.changes("milter-path") == [
        f'Socket = "local:{host.lab.queue}/truefrom/milter.sock";',
        f"smtpd_milters = {host.lab.dkim_socket}, unix:truefrom/milter.sock"]
    host.repair_all(found["milter-path"])
    assert host.look().problems == []


def test_inet_sockets(host):
    """Postfix writes host and port the other way round."""
    port = free_port()
    host.edit(host.conf, r'Socket = ".*milter\.sock";', f'Socket = "inet:{port}@127.0.0.1";')
    host.main(smtpd_milters=f"{host.lab.dkim_socket}, inet:localhost:{port}")
    found = host.look()
    assert found.problems == ["socket-missing"]
    assert f"nobody listens on inet:{port}@127.0.0.1" in found["socket-missing"]["text"]
    host.main(smtpd_milters=f"{host.lab.dkim_socket}")
    assert host.look().changes("milter-missing") == [
        f"smtpd_milters = {host.lab.dkim_socket}, inet:127.0.0.1:{port}"]


# --- daemons ---------------------------------------------------------------------------------------


@pytest.fixture
def policyd(lab):
    """The policy service, which runs again afterwards."""
    yield lab.policyd
    if lab.policyd is None:
        lab.start_policyd()


def test_daemon_down(host, lab, policyd, tmp_path):
    lab.stop_policyd()
    found = host.look()
    assert found.problems == ["socket-missing"]
    assert found.changes("socket-missing") == ["systemctl start truefrom-policyd"]
    assert found["socket-missing"]["meaning"] == (
        "Until it answers, truefrom-milter evaluates SPF itself; default_action is DUNNO.")
    host.log = str(tmp_path / "mail.log")
    with open(host.log, "w", encoding="utf-8") as file:
        file.write("Nov  4 10:00:00 mx truefrom-policyd[7]: fatal: of the process before\n"
                   "Nov  4 10:00:01 mx truefrom-policyd[8]: started\n"
                   "Nov  4 10:00:01 mx truefrom-policyd[8]: fatal: StateDirectory /x: Permission denied\n"
                   "Nov  4 10:00:02 mx truefrom-milter[9]: fatal: x truefrom-policyd[8]: fatal: forged\n")
    assert host.look()["socket-missing"]["text"].endswith(
        "; it ended with: fatal: StateDirectory /x: Permission denied")
    with open(host.log, "a", encoding="utf-8") as file:
        file.write("2026-11-24T10:00:00.123456+00:00 mx truefrom-policyd[10]: started\n")
    assert "it ended with" not in host.look()["socket-missing"]["text"]


def test_stale_socket(host, lab, policyd):
    lab.stop_policyd(signal.SIGKILL)
    assert stat.S_ISSOCK(os.stat(f"{lab.sockets}/policyd.sock").st_mode)
    found = host.look()
    assert found.problems == ["socket-stale"]
    lab.start_policyd()
    assert host.look().problems == []


def test_daemon_that_does_not_answer(host, lab):
    lab.milter.send_signal(signal.SIGSTOP)
    try:
        found = host.look()
    finally:
        lab.milter.send_signal(signal.SIGCONT)
    assert found.problems == ["socket-silent"]
    assert found["socket-silent"]["meaning"].startswith("Mail is being deferred")


def test_something_else_on_the_socket(host):
    """smtpd, which speaks first."""
    host.edit(host.conf, r'Socket = ".*/policyd\.sock";',
              f'Socket = "inet:{host.lab.ports["documented"]}@127.0.0.1";')
    assert "socket-other" in host.look().problems


def test_no_socket_but_a_file(host, tmp_path):
    (tmp_path / "policyd.sock").write_text("")
    host.edit(host.conf, r'Socket = ".*/policyd\.sock";', f'Socket = "local:{tmp_path}/policyd.sock";')
    found = host.look()
    assert found.changes("socket-type") == [f"rm {tmp_path}/policyd.sock"]


@pytest.mark.parametrize("what", ["socket", "folder"])
def test_permissions_of_sockets(host, lab, what):
    path = lab.sockets if what == "folder" else f"{lab.sockets}/milter.sock"
    before = os.stat(path)
    try:
        os.chown(path, 0, 0)
        os.chmod(path, 0o700)
        found = host.look()
        assert set(found.problems) == {"socket-permission"}
        finding = next(f for f in found.findings if f["keyword"] == "socket-permission")
        assert finding["text"].endswith(path)
        host.repair_all(finding)
        assert host.look().problems == []
    finally:
        os.chown(path, before.st_uid, before.st_gid)
        os.chmod(path, stat.S_IMODE(before.st_mode))


def test_permissions_of_the_store(host, lab):
    """The milter, another user of the same group, must be able to read it."""
    path = f"{lab.state}/data.mdb"
    mode = stat.S_IMODE(os.stat(path).st_mode)
    try:
        os.chmod(path, 0o600)
        found = host.look()
    finally:
        os.chmod(path, mode)
    assert found.problems == ["state-permission"]
    assert found.changes("state-permission") == [
        f"chown -R daemon:postfix {lab.state} && chmod 2750 {lab.state} && systemctl restart truefrom-policyd"]
    assert "truefrom-milter, which runs as nobody, has no access to " + path in found["state-permission"]["text"]


def test_socket_where_postfix_cannot_go(host, lab, tmp_path):
    """The group of a folder further up is not ours to change: the socket has to move."""
    os.chmod(tmp_path, 0o700)
    os.symlink(f"{lab.sockets}", tmp_path / "sockets")
    host.edit(host.conf, r'Socket = ".*/milter\.sock";', f'Socket = "local:{tmp_path}/sockets/milter.sock";')
    found = host.look()
    assert found.problems == ["socket-permission"]
    assert found.changes("socket-permission") == [f'Socket = "local:{lab.queue}/truefrom/milter.sock";']


# --- OpenDKIM --------------------------------------------------------------------------------------

OPENDKIM = [
    ("AuthservID other.test", "dkim-id", "AuthservID mx.lab.test"),
    ("AuthservIDWithJobID yes", "dkim-job-id", "AuthservIDWithJobID no"),
    ("KeepAuthResults true", "dkim-keeps", "KeepAuthResults no"),
    ("Mode s", "dkim-mode", "Mode sv"),
    ("RemoveARFrom other.test", "dkim-remove", "RemoveARFrom other.test, mx.lab.test"),
]


@pytest.mark.parametrize("broken, keyword, line", OPENDKIM, ids=[row[1] for row in OPENDKIM])
def test_opendkim(host, broken, keyword, line):
    """Without header_checks all stands with OpenDKIM."""
    host.main(header_checks="")
    host.set_dkim(broken)
    found = host.look()
    assert found.problems == ["forged-results", keyword]
    assert found[keyword]["changes"] == [{"file": host.dkim, "line": line}]
    host.repair_all(found[keyword])
    assert host.look().problems == ["forged-results"]


def test_opendkim_listens_elsewhere(host):
    """As Debian's packages come: outside of Postfix's chroot."""
    host.chroot()
    host.set_dkim("Socket local:/run/opendkim/opendkim.sock")
    host.main(smtpd_milters="unix:opendkim/opendkim.sock, unix:truefrom/milter.sock")
    found = host.look()
    assert found.problems == ["dkim-path"]
    assert found.changes("dkim-path") == [f"Socket local:{host.lab.queue}/opendkim/opendkim.sock"]
    host.repair_all(found["dkim-path"])
    # it has not been started again
    found = host.look()
    assert found.problems == ["milter-down"]
    assert found.changes("milter-down") == ["systemctl restart opendkim"]


CONSEQUENCES = [("tempfail", "Mail is being deferred"), ("accept", "Mail passes unchecked by it"),
                ("reject", "All mail is being refused"), ("quarantine", "All mail is being held")]


@pytest.mark.parametrize("action, text", CONSEQUENCES)
def test_what_a_dead_milter_does_to_mail(host, action, text):
    host.main(milter_default_action=action,
              smtpd_milters=f"inet:127.0.0.1:1, {host.lab.dkim_socket}, unix:truefrom/milter.sock")
    assert host.look()["milter-down"]["meaning"].startswith(text + ".")
    host.main(milter_default_action="tempfail",
              smtpd_milters=f"{{ inet:127.0.0.1:1, default_action={action} }}, {host.lab.dkim_socket}, "
                            "unix:truefrom/milter.sock")
    assert host.look()["milter-down"]["meaning"].startswith(text + ".")


@pytest.mark.parametrize("action, text", [("DUNNO", "Mail passes unchecked by it"), (None, "Mail is being deferred")])
def test_what_a_dead_policy_service_does_to_mail(host, action, text):
    more = f", default_action={action}" if action else ""
    host.main(smtpd_sender_restrictions=f"check_policy_service {{ inet:127.0.0.1:1{more} }}")
    assert host.look()["policy-down"]["meaning"].startswith(text + ".")


def test_a_milter_is_asked_from_the_chroot(host, lab):
    """A path that is right outside of the chroot only, and the other way round."""
    lab_socket = f"{lab.folder}/other.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(lab_socket)
    os.chmod(lab_socket, 0o777)
    with listener:
        host.chroot()
        host.main(smtpd_milters=f"unix:{lab_socket}, {lab.dkim_socket}, unix:truefrom/milter.sock")
        assert host.look()["milter-down"]["text"].endswith("there is no such socket")
        host.postconf("-F", f"{lab.service}/chroot=n")
        assert host.look()["milter-down"]["text"].endswith("nobody listens there")
        os.chmod(lab_socket, 0o700)
        found = host.look()
        assert found["milter-down"]["text"].endswith("Postfix's user may not use it")
        assert found.changes("milter-down") == [f"chgrp postfix {lab_socket} && chmod g+rw {lab_socket}"]
    os.unlink(lab_socket)


def test_which_authserv_id_is_odd(host):
    """Of OpenDKIM's, ours and the trusted one."""
    def look(ours, trusted, theirs):
        trusted = f' TrustedAuthservIDs = ( "{trusted}" );' if trusted else ""
        host.edit(host.conf, r"^AuthservID = .*$", f'AuthservID = "{ours}";{trusted}')
        host.set_dkim(f"AuthservID {theirs}")
        return host.look()["dkim-id"]["changes"]
    assert look("mx.lab.test", None, "other.test") == [{"file": host.dkim, "line": "AuthservID mx.lab.test"}]
    assert look("other.test", None, "mx.lab.test") == [{"file": host.conf, "line": 'AuthservID = "mx.lab.test";'}]
    assert look("mx.lab.test", "other.test", "mx.lab.test") == [
        {"file": host.conf, "line": 'TrustedAuthservIDs = ( "mx.lab.test", "other.test" );'}]


def test_permits_that_outside_mail_takes(host):
    """Asked at recipient restrictions only, some mail goes by."""
    host.main(smtpd_recipient_restrictions=f"{RECIPIENT}, permit_dnswl_client list.test, {POLICY}",
              smtpd_data_restrictions="")
    found = host.look()
    assert found.problems == ["policy-after-permit"]
    host.repair_all(found["policy-after-permit"])
    assert host.look().problems == []
    host.main(smtpd_restriction_classes="asked", asked=POLICY,
              smtpd_recipient_restrictions=f"{RECIPIENT}, permit_auth_destination, asked")
    found = host.look()
    assert found.changes("policy-unreachable") == [
        f"smtpd_recipient_restrictions = {RECIPIENT}, asked, permit_auth_destination"]


def test_opendkim_without_an_id_uses_myhostname(host):
    host.edit(host.dkim, r"^AuthservID .*\n", "# none\n")
    assert host.look().problems == []
    host.main(myhostname="other.lab.test")
    assert host.look().problems == ["dkim-id"]


def test_forged_fields_of_other_trusted_names(host):
    host.edit(host.conf, r'^AuthservID = .*;$',
              'AuthservID = "mx.lab.test"; TrustedAuthservIDs = ( "mx.lab.test", "outer.test" );')
    assert host.look().problems == []
    host.main(header_checks="")
    found = host.look()
    assert found.problems == ["forged-results", "dkim-remove"]
    assert found.changes("dkim-remove") == ["RemoveARFrom mx.lab.test, outer.test"]
    host.repair_all(found["dkim-remove"])
    assert host.look().problems == ["forged-results"]


DROPPING = "regexp:{{/^Authentication-Results:/ IGNORE}}"
SPARING = ["mime_header_checks =", "nested_header_checks ="]


def test_forged_fields_reach_the_milters(host):
    host.main(header_checks="", mime_header_checks="$header_checks", nested_header_checks="$header_checks")
    found = host.look()
    assert found.problems == ["forged-results"]
    assert found.changes("forged-results") == [f"header_checks = {DROPPING}", *SPARING]
    host.repair_all(found["forged-results"])
    assert host.look().problems == []


def test_forged_fields_beside_other_header_checks(host):
    others = "regexp:{{/^X-Spam:/ IGNORE}}, static:DUNNO"
    host.main(header_checks=others)
    found = host.look()
    assert found.problems == ["forged-results"]
    assert found.changes("forged-results") == [f"header_checks = {others}, {DROPPING}"]
    host.repair_all(found["forged-results"])
    assert host.look().problems == []


def test_attached_messages_are_to_stay_as_they_are(host):
    host.main(nested_header_checks="$header_checks")
    found = host.look()
    assert found.problems == ["attached-results"]
    assert found.changes("attached-results") == SPARING[1:]
    host.repair_all(found["attached-results"])
    assert host.look().problems == []


def test_without_opendkim(host):
    os.unlink(host.dkim)
    found = host.look()
    assert found.problems == []
    assert "dkim-unread" in found.notes


# --- networks --------------------------------------------------------------------------------------


def test_networks_that_are_not_ignored(host, tmp_path):
    ignored = tmp_path / "ignore.hosts"
    ignored.write_text("198.51.100.0/24\n")
    host.edit(host.conf, r'^AuthservID', f'IgnoreHosts = "{ignored}";\nAuthservID')
    host.main(mynetworks="127.0.0.0/8 [::1]/128 192.0.2.0/24 [2001:db8::]/32 198.51.100.7 hash:/none")
    found = host.look()
    assert (found.problems, found.notes - NOTES) == ([], {"ignore-loopback", "ignore-mynetworks"})
    assert found.changes("ignore-mynetworks") == ["192.0.2.0/24", "2001:db8::/32"]
    host.main(content_filter="smtp:127.0.0.1:10024")
    found = host.look()
    assert found.problems == ["ignore-loopback"]
    with ignored.open("a") as file:
        file.writelines(line + "\n" for keyword in ("ignore-loopback", "ignore-mynetworks")
                        for line in found.changes(keyword))
    assert host.look().notes == NOTES
    ignored.write_text("nonsense/x\n127.0.0.0/8\n::1\n")
    assert host.look().problems == ["ignore-hosts"]


def test_options_without_effect(host):
    """They need a place where Postfix does not ask."""
    host.edit(host.conf, r'policyd: {', 'policyd: { RejectSPFFail = true;')
    host.main(smtpd_recipient_restrictions=RECIPIENT)
    found = host.look()
    assert found.problems == ["reject-spf-fail"]
    host.repair_all(found["reject-spf-fail"])
    assert host.look().problems == []
    host.edit(host.conf, r'RejectSPFFail', 'AddReceivedSPF')
    host.main(smtpd_recipient_restrictions=RECIPIENT, smtpd_data_restrictions="",
              smtpd_end_of_data_restrictions=POLICY)
    found = host.look()
    assert found.problems == ["received-spf"]
    host.repair_all(found["received-spf"])
    assert host.look().problems == []


def test_advice(host, tmp_path):
    (tmp_path / "state").mkdir()
    host.edit(host.conf, r'^AuthservID = .*$', "")
    host.edit(host.conf, r'RejectFailures = true;', "")
    host.edit(host.conf, r'StateDirectory = .*$', f'StateDirectory = "{tmp_path}/state";')
    host.edit(host.conf, r'Socket = ".*/milter\.sock";', "")
    host.set_dkim("AuthservID HOSTNAME")
    host.set_dkim("Include /none")
    host.main(smtpd_milter_maps="cidr:/none", smtpd_recipient_restrictions=
              f"check_policy_service {{ inet:127.0.0.1:{host.lab.dns_port}, policy_context=spf }}, {POLICY}")
    found = host.look()
    assert found.problems == ["socket-unset", "state-missing"]
    assert {"authserv-id", "annotate-only", "dkim-include", "spf-twice"} <= found.notes
    assert found.changes("annotate-only") == ["RejectFailures = true;"]


# --- DNS -------------------------------------------------------------------------------------------


@pytest.fixture
def resolver(host, tmp_path):
    """Start a DNS server of the test's choice, and have it asked."""
    processes = []

    def start(zone, more=""):
        (tmp_path / "zone.json").write_text(json.dumps(zone))
        process = subprocess.Popen(["/usr/bin/python3", FAULTDNS, "--port", "0", "--zone", tmp_path / "zone.json"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        port = int(process.stdout.readline().split()[1])
        host.edit(host.conf, r"^Nameservers = .*;$",
                  f'DNSTimeout = 1; Nameservers = ( "127.0.0.1@{port}"{more} );')
        return f"127.0.0.1@{port}"
    yield start
    for process in processes:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("fault", ["silent", "refused"])
def test_resolver_that_does_not_answer(host, resolver, fault):
    server = resolver({"invalid": {"fault": fault}, "truefrom-doctor.invalid": {"fault": fault}})
    found = host.look()
    assert found.problems == ["resolver-silent"]
    assert server in found["resolver-silent"]["text"]
    assert found["resolver-silent"]["severity"] == "error"
    assert found.changes("resolver-silent") == ['Nameservers = ( "127.0.0.1" );']


def test_one_of_two_resolvers(host, resolver):
    resolver({"invalid": {"fault": "silent"}, "truefrom-doctor.invalid": {"fault": "silent"}},
             f', "127.0.0.1@{host.lab.dns_port}"')
    found = host.look()
    assert found["resolver-silent"]["severity"] == "warning"
    assert "resolver" in found.keywords("ok")


def test_resolver_that_knows_every_name(host, resolver):
    resolver({"*.invalid": {"A": ["192.0.2.1"]}})
    assert host.look().problems == ["resolver-wildcard"]


def test_slow_resolver(host, resolver):
    resolver({"truefrom-doctor.invalid": {"fault": "delay:0.5"}})
    assert "resolver-slow" in host.look().problems


# --- the log ---------------------------------------------------------------------------------------


def test_joins_in_a_mail_log(host, tmp_path):
    """Only the milter's own lines count, whatever else a line says."""
    line = "truefrom-milter[813]: 61DAA3EA44: a.test pass policy=none disposition=none spf=pass/a.test join="
    host.log = str(tmp_path / "mail.log")
    with open(host.log, "w", encoding="utf-8") as file:
        for number in range(20):
            file.write(f"Nov  4 10:00:00 mx {line}{'self' if number < 5 else 'queueid'}\n")
            file.write(f"Nov  4 10:00:00 mx postfix/smtpd[1]: warning: x: {line}self\n")
        file.write(f"2026-11-24T10:00:00.123456+00:00 mx {line}envelope override=x hold=\"quarantined by DMARC "
                   "policy for a.test\" msgid=<a%20join=self@x> to=<a@b>\n")
        file.write(f"Nov  4 10:00:00 mx {line}nonsense\nNov  4 10:00:00 mx truefrom-milter[813]: started\n")
    found = host.look()
    assert found.problems == ["join-self"]
    assert found["join-self"]["text"] == "of the last 21 messages, 5 had no stored SPF result"
    host.log = str(tmp_path / "none")
    assert "join-unread" in host.look().notes
    (tmp_path / "none").write_text("")
    assert "join-unseen" in host.look().notes


# --- where less can be seen --------------------------------------------------------------------------


def test_configuration_that_does_not_load(host):
    with open(host.conf, "a", encoding="utf-8") as file:
        file.write("Nonsense = 1;\nDNSTimeout = true;\n")
    found = host.look()
    texts = [finding["text"] for finding in found.findings if finding["severity"] == "error"]
    assert found.problems == ["config", "config"]
    assert re.search(rf"^{host.conf}:\d+: Nonsense: ", texts[0])
    assert "postfix" in found.keywords("ok")


def test_without_postfix(tmp_path):
    """As on a host without it: /usr/sbin is empty, and so is PATH."""
    config = write_config(tmp_path)
    done = subprocess.run(
        ["unshare", "-m", "/bin/sh", "-c", 'mount --bind "$1" /usr/sbin && PATH=/nowhere exec "$2" -c "$3" doctor --json',
         "sh", tmp_path, f"{BUILD}/cli/truefrom", config],
        capture_output=True, text=True, timeout=TIMEOUT, check=False)
    found = Found(done)
    assert found.status == 1
    assert "postfix-missing" in found.problems and "socket-missing" in found.problems


def test_unprivileged(host, lab):
    """The checkout may lie where only root can go: a copy is run."""
    program = shutil.copy(f"{BUILD}/cli/truefrom", f"{lab.folder}/bin/truefrom")
    os.chmod(f"{lab.folder}/dkim", 0o755)
    done = subprocess.run([program, "-c", lab.config_path, "doctor", "--json", "--config-dir", lab.config,
                           "--opendkim", lab.dkim_conf, "--log", host.log], capture_output=True, text=True,
                          user="nobody", group="nogroup", extra_groups=[], timeout=TIMEOUT, check=False)
    found = Found(done)
    assert found.problems == []
    assert {"not-root", "not-seen"} <= found.notes


def test_text_of_others_cannot_reach_the_terminal(host):
    host.main(smtpd_milters=f"{host.lab.dkim_socket}, unix:/x\033[2Jtruefrom/\xff/milter.sock")
    done = truefrom(*host.arguments())
    assert "\\033[2Jtruefrom" in done.stdout and "\033" not in done.stdout
    assert host.look().problems == ["milter-path"]


def test_it_changes_nothing(host, lab):
    # but for lock.mdb, where each reader takes a slot while it reads
    def state():
        return {path: (os.stat(path).st_mode, os.stat(path).st_mtime_ns, os.stat(path).st_size)
                for folder in (host.postfix, lab.config, lab.state, lab.sockets, os.path.dirname(host.conf))
                for path in [folder] + [os.path.join(folder, name) for name in os.listdir(folder)
                                        if name != "lock.mdb"]}
    before = state()
    host.look()
    assert state() == before


def test_the_manual_has_every_keyword():
    """And no other."""
    words = set()
    for name in os.listdir(f"{TOP}/cli/doctor"):
        if name.endswith(".c"):
            with open(f"{TOP}/cli/doctor/{name}", encoding="utf-8") as file:
                text = file.read()
            words.update(re.findall(r'SEVERITY_\w+,\s*"([a-z-]+)"', text))
            words.update(re.findall(r'[?:] "([a-z]+-[a-z-]+)"', text))
            words.update(re.findall(r'report_stopped\(doctor, daemon, "([a-z-]+)"', text))
    with open(f"{TOP}/doc/man/truefrom-doctor.1", encoding="utf-8") as file:
        manual = re.findall(r"^\.It Cm ([a-z-]+)", file.read(), re.M)
    assert sorted(words) == sorted(manual)


def test_wrong_usage_is_64():
    for arguments in (["--nonsense"], ["rest"], ["--log"]):
        done = truefrom("doctor", *arguments)
        assert done.returncode == 64 and done.stdout == "" and "usage" in done.stderr
    assert truefrom("doctor", "--help").returncode == 0


def test_smuggling(host):
    host.main(smtpd_forbid_bare_newline="no")
    found = host.look()
    assert found.changes("smuggling") == ["smtpd_forbid_bare_newline = yes"]
    host.main(smtpd_forbid_bare_newline="yes")
    assert host.look().problems == []


@pytest.mark.parametrize("value", ["NO", "other", "$helpful"])
def test_smuggling_by_another_word(host, value):
    """Case does not matter to Postfix, a value may be a variable's, and a word that is not known to help is no help."""
    host.main(helpful="no", smtpd_forbid_bare_newline=value)
    found = host.look()
    assert "smuggling" in found.problems and "smuggling" not in found.keywords("ok")
    host.repair_all(found["smuggling"])
    assert "smuggling" not in host.look().problems


def test_smuggling_through_one_service(host):
    """What master.cf says for a service holds there, and only there; what is for this host's own users is theirs."""
    host.add_service("2525")
    host.add_service("submission")
    for service in ("2525/inet", "submission/inet"):
        host.override(service, "smtpd_forbid_bare_newline = no")
    found = host.look()
    assert found.problems == ["smuggling"]
    assert found["smuggling"]["where"] == "2525/inet"
    assert found["smuggling"]["changes"] == [{
        "file": f"{host.postfix}/master.cf", "section": "2525/inet",
        "line": "-o { smtpd_forbid_bare_newline = yes }"}]
    host.repair_all(found["smuggling"])
    assert host.look().problems == []
    host.main(smtpd_forbid_bare_newline="no")
    host.override(host.lab.service, "smtpd_forbid_bare_newline = normalize")
    assert host.look().problems == []


@pytest.mark.parametrize("name", sorted(set(os.listdir(f"{TOP}/etc/postfix")) - {"README"}))
def test_each_documented_way_refuses_smuggling(name):
    with open(f"{TOP}/etc/postfix/{name}", encoding="utf-8") as file:
        text = file.read()
    assert re.search(r"^smtpd_forbid_bare_newline = yes$", text, re.M)
    assert re.search(r"^smtpd_data_restrictions =(\n    .*,)*\n?\s+reject_unauth_pipelining(,\n    .*)*$", text, re.M)

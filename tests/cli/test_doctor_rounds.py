"""All of doctor's advice, taken by a machine round after round from each broken set-up, ends in one through
which real mail flows and a spoof is refused."""

import grp
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest

from lab import Daemon, free_port, listening, message, wait_for
from test_doctor import DoctorLab, Host, POLICY, RECIPIENT
from tool import TIMEOUT
from zones import ZONE

ROUNDS = 5
OURS, DKIM = "unix:truefrom/milter.sock", "unix:opendkim/opendkim.sock"
IGNORED = ("join-self",)  # what was, in the log


class LiveLab(DoctorLab):
    """OpenDKIM's socket lies where etc/postfix has it, for Postfix's group."""

    def _main_cf(self):
        self.dkim_socket = DKIM
        return super()._main_cf()

    def _start_opendkim(self):
        super()._start_opendkim()
        self.running.pop().stop()
        self.dkim_folder = f"{self.queue}/opendkim"
        os.mkdir(self.dkim_folder)
        os.chown(self.dkim_folder, 0, grp.getgrnam("postfix").gr_gid)
        os.chmod(self.dkim_folder, 0o750)
        with open(self.dkim_conf, encoding="utf-8") as file:
            text = re.sub(r"^Socket .*", f"Socket local:{self.dkim_folder}/opendkim.sock\nUMask 007",
                          file.read(), flags=re.M)
        with open(self.dkim_conf, "w", encoding="utf-8") as file:
            file.write(text)
        self.opendkim = None
        self.start_opendkim()

    def start_opendkim(self):
        path = f"{self.dkim_folder}/opendkim.sock"
        if os.path.exists(path):
            os.unlink(path)
        self.opendkim = Daemon(
            "opendkim", ["/usr/sbin/opendkim", "-f", "-x", self.dkim_conf], self.folder,
            ready=lambda: os.path.exists(path) or "inet" in open(self.dkim_conf, encoding="utf-8").read(),
            group=grp.getgrnam("postfix").gr_gid, extra_groups=[])

    def stop_opendkim(self):
        daemon, self.opendkim = self.opendkim, None
        if daemon:
            daemon.stop(signal.SIGKILL)  # it takes five seconds to end otherwise

    def close(self):
        self.stop_opendkim()
        super().close()

    def reload_postfix(self):
        before = self.postfix_log().count("reload -- version")
        subprocess.run(["/usr/sbin/postfix", "-c", self.config, "reload"], check=True, timeout=TIMEOUT,
                       capture_output=True)
        wait_for(lambda: self.postfix_log().count("reload -- version") > before, "Postfix to reload")

    def start_postfix(self):
        subprocess.run(["/usr/sbin/postfix", "-c", self.config, "start"], check=True, timeout=TIMEOUT,
                       capture_output=True, env=dict(os.environ, MAIL_LOGTAG="lab"))
        wait_for(listening(self.ports["documented"]), "Postfix to listen")


class Live(Host):
    """The laboratory's own files: what is changed there holds."""

    def __init__(self, lab, folder):  # pylint: disable=super-init-not-called
        self.lab, self.postfix = lab, lab.config
        self.conf, self.dkim = lab.config_path, lab.dkim_conf
        self.log = f"{folder}/none.log"
        with open(self.log, "w", encoding="utf-8"):
            pass
        self.saved = {path: open(path, encoding="utf-8").read()
                      for path in (self.conf, self.dkim, f"{self.postfix}/main.cf", f"{self.postfix}/master.cf")}
        self.modes = {path: os.stat(path) for path in (lab.sockets, lab.state, lab.dkim_folder)}
        self.servers = []

    def look(self):
        """As both daemons' lines come in a mail log."""
        with open(self.log, "w", encoding="utf-8") as file:
            for name in ("truefrom-policyd", "truefrom-milter"):
                with open(f"{self.lab.folder}/{name}.log", encoding="utf-8") as part:
                    file.write(part.read())
        return super().look()

    # --- commands ------------------------------------------------------------------------------

    def service(self, verb, name):
        lab = self.lab
        if name == "postfix":
            lab.start_postfix()
            return
        stop, start, running = {
            "opendkim": (lab.stop_opendkim, lab.start_opendkim, lab.opendkim),
            "truefrom-policyd": (lab.stop_policyd, lab.start_policyd, lab.policyd),
            "truefrom-milter": (lab.stop_milter, lab.start_milter, lab.milter)}[name]
        if verb == "reload":
            lab.reload(running)
            return
        if verb == "restart" or running is None:
            stop()
            start()

    def run(self, command):
        """A command of the advice: systemctl is the laboratory's, the rest is the shell's."""
        for part in command.split(" && "):
            words = shlex.split(part)
            if words[0] == "systemctl":
                for name in words[2:]:
                    self.service(words[1], name)
            elif words[0] == "postfix":
                assert words == ["postfix", "-c", self.postfix, "reload"], part
                self.lab.reload_postfix()
            else:
                subprocess.run(["/bin/sh", "-c", part], check=True, timeout=TIMEOUT)

    def repair(self, change):
        if "command" in change:
            self.run(change["command"])
        else:
            super().repair(change)

    # --- breaking and mending --------------------------------------------------------------------

    def touched(self):
        """Have all that was written take effect."""
        for name in ("main.cf", "master.cf"):
            os.utime(f"{self.postfix}/{name}", (1, 1))
        self.lab.reload_postfix()

    def serve(self, family, where):
        """Something that accepts connections, and says nothing."""
        server = socket.socket(family)
        server.bind(where)
        server.listen(8)
        self.servers.append(server)

    def restore(self):
        lab = self.lab
        restart = [name for name, path in (("opendkim", self.dkim), ("truefrom-policyd", self.conf),
                                           ("truefrom-milter", self.conf))
                   if open(path, encoding="utf-8").read() != self.saved[path]]
        for path, text in self.saved.items():
            if open(path, encoding="utf-8").read() != text:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            os.utime(path, (1, 1))
        for path, status in self.modes.items():
            os.chown(path, status.st_uid, status.st_gid)
            os.chmod(path, stat.S_IMODE(status.st_mode))
        for server in self.servers:
            server.close()
        self.servers = []
        for name in ("opendkim", "truefrom-policyd", "truefrom-milter"):
            self.service("restart" if name in restart else "start", name)
        if not listening(lab.ports["documented"])():
            lab.start_postfix()
        self.touched()

    def take_all_advice(self):
        """Rounds of it. @return the keywords of the first and what the last one had left"""
        first = None
        for _ in range(ROUNDS):
            found = self.look()
            wrong = [f for f in found.findings if f["severity"] in ("error", "warning")
                     and f["keyword"] not in IGNORED]
            first = first if first is not None else [f["keyword"] for f in wrong]
            if not any(finding["changes"] for finding in wrong):
                break
            for finding in wrong:
                for change in finding["changes"]:
                    self.repair(change)
            for command in found.all["afterwards"]:
                if command.startswith("postfix"):
                    for name in ("main.cf", "master.cf"):
                        os.utime(f"{self.postfix}/{name}", (1, 1))
                self.run(command)
        return first, [(finding["keyword"], finding["text"]) for finding in wrong]


@pytest.fixture(scope="module")
def live_lab():
    with LiveLab(ZONE, IgnoreHosts=None) as lab:
        yield lab


@pytest.fixture(scope="module")
def live(live_lab, tmp_path_factory):
    return Live(live_lab, str(tmp_path_factory.mktemp("live")))


def main(**parameters):
    def broken(live):
        live.main(**parameters)
        live.touched()
    return broken


def opendkim(*lines):
    def broken(live):
        for line in lines:
            live.set_dkim(line)
        live.service("restart", "opendkim")
    return broken


def conf(pattern, text):
    def broken(live):
        live.edit(live.conf, pattern, text)
        live.service("restart", "truefrom-policyd")
        live.service("restart", "truefrom-milter")
    return broken


def chmod(folder, mode=0o700, owner="root"):
    def broken(live):
        path = folder(live.lab)
        shutil.chown(path, owner, owner if owner != "root" else "root")
        os.chmod(path, mode)
    return broken


def stop(*names):
    def broken(live):
        for name in names:
            getattr(live.lab, "stop_" + name)()
    return broken


def stop_postfix(live):
    live.lab._stop_postfix()  # pylint: disable=protected-access


def silent_opendmarc(live):
    port = 8893
    live.serve(socket.AF_INET, ("127.0.0.1", port))
    main(smtpd_milters=f"{DKIM}, inet:127.0.0.1:{port}, {OURS}")(live)


def hanging_milter(live):
    port = free_port()
    live.serve(socket.AF_INET, ("127.0.0.1", port))
    main(smtpd_milters=f"{DKIM}, inet:127.0.0.1:{port}, {OURS}")(live)


def chroot_with_outer_paths(live):
    live.chroot()
    main(smtpd_milters=f"{DKIM}, unix:{live.lab.sockets}/milter.sock",
         smtpd_data_restrictions=POLICY.replace("unix:truefrom", f"unix:{live.lab.sockets}"))(live)


def override(live):
    live.override(live.lab.service, f"smtpd_milters = {OURS}, {DKIM}, inet:127.0.0.1:11332")
    live.touched()


def ours_umask(live):
    live.edit(live.conf, r"^AuthservID", 'UMask = "0077";\nAuthservID')
    live.service("restart", "truefrom-milter")
    live.service("restart", "truefrom-policyd")


def newer_file(live):
    for name in ("policyd", "milter"):
        live.service("restart", "truefrom-" + name)
    os.utime(live.conf, (time.time() + 60, time.time() + 60))


def newer_file_with_metrics(live):
    """The daemons tell when they loaded it."""
    for group in ("policyd", "milter"):
        live.set_conf(f"group {group}", f'MetricsSocket = "inet:{free_port()}@127.0.0.1";')
    for name in ("policyd", "milter"):
        live.service("restart", "truefrom-" + name)
    loaded = time.time()
    wait_for(lambda: time.time() > loaded + 2, "a file's time to differ")
    os.utime(live.conf)


def unreadable_ignore_hosts(live):
    path = f"{live.lab.folder}/ignored"
    with open(path, "w", encoding="utf-8") as file:
        file.write("127.0.0.1\n")
    os.chmod(path, 0o644)
    live.set_conf(None, f'IgnoreHosts = "{path}";')
    for name in ("policyd", "milter"):
        live.service("restart", "truefrom-" + name)
    os.chmod(path, 0o600)


DEAD = "inet:127.0.0.1:11332"
DEAD_POLICY = "check_policy_service inet:127.0.0.1:10023"
TYPO = POLICY.replace("policyd.sock", "polcyd.sock")
BROKEN = {
    # 12.1
    "OpenDKIM stopped": stop("opendkim"),
    "OpenDKIM stopped, accept": lambda live: (main(milter_default_action="accept")(live), stop("opendkim")(live)),
    "dead inet milter": main(smtpd_milters=f"{DKIM}, {DEAD}, {OURS}"),
    "dead inet milter first": main(smtpd_milters=f"{DEAD}, {DKIM}, {OURS}"),
    "dead milter, accept": main(smtpd_milters=f"{DKIM}, {{ {DEAD}, default_action=accept }}, {OURS}"),
    "two dead milters": main(smtpd_milters=f"{DEAD}, unix:clamav/clamav.sock, {DKIM}, {OURS}"),
    "hanging milter": hanging_milter,
    "OpenDKIM's folder": chmod(lambda lab: lab.dkim_folder),
    "OpenDKIM's socket": chmod(lambda lab: lab.dkim_folder + "/opendkim.sock"),
    "typo": main(smtpd_milters=f"{DKIM}, unix:truefrom/miter.sock"),
    "typo beside ours": main(smtpd_milters=f"{DKIM}, unix:truefrom/miter.sock, {OURS}"),
    "typo in the folder": main(smtpd_milters=f"{DKIM}, unix:trufrom/milter.sock"),
    "typo with dead milter": main(smtpd_milters=f"{DKIM}, {DEAD}, unix:truefrom/milter.sok"),
    "policyd's socket as milter": main(smtpd_milters=f"{DKIM}, unix:truefrom/policyd.sock"),
    "OpenDMARC dead": main(smtpd_milters=f"{DKIM}, unix:opendmarc/opendmarc.sock, {OURS}"),
    "OpenDMARC dead, ours not there": main(smtpd_milters=f"{DKIM}, local:opendmarc/opendmarc.sock"),
    "OpenDMARC alive": silent_opendmarc,
    "not a socket": main(smtpd_milters=f"{DKIM}, opendkim.sock, {OURS}"),
    "unknown host": main(smtpd_milters=f"{DKIM}, inet:nohost.invalid:8891, {OURS}"),
    "dead for local mail": main(non_smtpd_milters=DEAD),
    "dead policy service": main(smtpd_recipient_restrictions=f"{RECIPIENT}, {DEAD_POLICY}, {POLICY}"),
    "dead policy service at HELO": main(smtpd_helo_restrictions=DEAD_POLICY),
    "dead policy service of a class": main(smtpd_restriction_classes="grey", grey=DEAD_POLICY,
                                           smtpd_recipient_restrictions=f"{RECIPIENT}, grey, {POLICY}"),
    "policy typo": main(smtpd_data_restrictions=TYPO),
    "policy typo beside ours": main(smtpd_data_restrictions=f"{TYPO}, {POLICY}"),
    "policy typo at the sender": main(smtpd_sender_restrictions=TYPO),
    "milter's socket as policy service": main(smtpd_data_restrictions=POLICY.replace("policyd", "milter")),
    "OpenDKIM's id": opendkim("AuthservID other.test"),
    "OpenDKIM's job id": opendkim("AuthservIDWithJobID yes"),
    "OpenDKIM signs only": opendkim("Mode s"),
    "AuthservID": conf(r"^AuthservID = .*;$", 'AuthservID = "odd.test";'),
    "TrustedAuthservIDs": conf(r"^AuthservID = (.*);$",
                               'AuthservID = "mx.lab.test";\nTrustedAuthservIDs = ( "odd.test" );'),
    # 12.6
    "behind permit_auth_destination": main(
        smtpd_recipient_restrictions=f"permit_mynetworks, permit_auth_destination, reject, {POLICY}",
        smtpd_data_restrictions=""),
    "behind permit": main(smtpd_recipient_restrictions=f"{RECIPIENT}, permit, {POLICY}",
                          smtpd_data_restrictions=""),
    "behind a permit at DATA": main(smtpd_data_restrictions=f"permit_mynetworks, {POLICY}"),
    "before the relay check": main(smtpd_recipient_restrictions=f"{POLICY}, reject_unauth_destination",
                                   smtpd_relay_restrictions=""),
    # the rest
    "order": main(smtpd_milters=f"{OURS}, {DKIM}"),
    "not there": main(smtpd_milters=DKIM),
    "no DKIM": main(smtpd_milters=OURS),
    "no milters": main(smtpd_milters=""),
    "twice": main(smtpd_milters=f"{DKIM}, {OURS}, {{ local:truefrom/milter.sock }}"),
    "another path": main(smtpd_milters=f"{DKIM}, {{ unix:/run/truefrom/milter.sock, protocol=6 }}"),
    "absolute path": main(smtpd_milters=f"{DKIM}, unix:/truefrom/milter.sock"),
    "chroot": chroot_with_outer_paths,
    "overridden": override,
    "accept": main(milter_default_action="accept"),
    "content timeout": main(milter_content_timeout="10s"),
    "proxy filter": main(smtpd_proxy_filter="127.0.0.1:9"),
    "switched off": main(receive_override_options="no_milters"),
    "local mail": main(non_smtpd_milters=f"{OURS} {DKIM}"),
    "early queue file": main(smtpd_delay_open_until_valid_rcpt="no"),
    "policy service's path": main(smtpd_data_restrictions=POLICY.replace("unix:", "unix:/")),
    "no policy service": main(smtpd_recipient_restrictions=RECIPIENT, smtpd_data_restrictions=""),
    "policy service without default": main(
        smtpd_data_restrictions="check_policy_service unix:truefrom/policyd.sock"),
    "smuggling": main(smtpd_forbid_bare_newline="no"),
    "forged fields": main(header_checks=""),
    "policyd stopped": stop("policyd"),
    "milter stopped": stop("milter"),
    "both stopped": stop("policyd", "milter", "opendkim"),
    "Postfix stopped": stop_postfix,
    "our folder": chmod(lambda lab: lab.sockets, 0o2700, "daemon"),
    "our socket": chmod(lambda lab: lab.sockets + "/milter.sock"),
    "UMask": ours_umask,
    "configuration not reloaded": newer_file,
    "configuration not reloaded, with metrics": newer_file_with_metrics,
    "ignore.hosts": unreadable_ignore_hosts,
}


def test_there_are_enough_of_them():
    assert len(BROKEN) >= 40


@pytest.mark.parametrize("name", BROKEN)
def test_all_advice_taken(live, live_lab, name):
    try:
        BROKEN[name](live)
        first, left = live.take_all_advice()
        assert first, "nothing was found"
        assert left == [], (first, left)
        honest = live_lab.send(message("a@honest.test"))
        assert honest.code == 250, str(honest)
        assert "dmarc=pass" in live_lab.result(honest)
        spoof = live_lab.send(message("ceo@reject.test"), client="198.51.100.66", sender="x@evil.test")
        assert (spoof.code, spoof.text) == (550, "5.7.1 rejected by DMARC policy for reject.test")
    finally:
        live.restore()


def test_the_documented_setup_has_no_advice(live):
    assert live.take_all_advice() == ([], [])

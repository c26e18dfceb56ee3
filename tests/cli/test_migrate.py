"""truefrom migrate: opendmarc.conf becomes a truefrom.conf that means the same."""

import os
import re
import shlex
import stat
import subprocess

import pytest

from tool import TOP, program, truefrom

DATA = f"{TOP}/tests/data"
DEFAULT_SOCKET = "local:/var/spool/postfix/truefrom/milter.sock"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="latin-1") as file:
        file.write(text)
    return path


# what -t says of the host that it runs on: the file may be right all the same
OF_THE_HOST = re.compile(r":\d+: (UserID: no such user or group|\S+: (no such directory|.*not an address of this host))")


class Result:
    """What became of some lines: the run, and the options that the result sets."""

    def __init__(self, folder, text, *arguments):
        self.source = write(f"{folder}/opendmarc.conf", text)
        self.done = truefrom("migrate", *arguments, self.source)
        self.text = self.done.stdout
        self.stderr = self.done.stderr
        self.path = write(f"{folder}/result.conf", self.text)
        self.options = options_of(self.text)

    def check(self):
        """Does each program take it?"""
        for name in ("truefrom", "truefrom-milter", "truefrom-policyd"):
            done = subprocess.run([program(name), "-t", "-c", self.path], capture_output=True,
                                  text=True, timeout=60, check=False)
            wrong = [line for line in done.stderr.splitlines() if not OF_THE_HOST.search(line)]
            assert not wrong, name
            assert done.returncode == (78 if done.stderr else 0), name
        return self

    def explained(self, name):
        """The explanation of an option, on one line, or None."""
        match = re.search(rf"^ *# {name} .*\n((?: *#     .*\n)+)", self.text, re.MULTILINE)
        return match and " ".join(re.sub(r"^ *#", "", line).strip() for line in match[1].splitlines())

    def warnings(self):
        return [line for line in self.stderr.splitlines() if line.startswith("truefrom: warning: ")]


def options_of(text):
    """{"milter.Socket": '"inet:…"'} of a file in the form that migrate writes."""
    options, group = {}, ""
    for line in text.splitlines():
        line = line.strip()
        if line in ("policyd:", "milter:"):
            group = line[:-1] + "."
        elif line == "};":
            group = ""
        elif line and line not in "{}" and not line.startswith("#"):
            name, value = re.fullmatch(r"(\w+) = (.*);", line).groups()
            assert group + name not in options
            options[group + name] = value
    return options


@pytest.fixture(name="migrate")
def fixture_migrate(tmp_path):
    return lambda text, *arguments: Result(tmp_path, text, *arguments)


def known_options():
    lines = [line.split() for line in read(f"{DATA}/opendmarc-1.4.2.options").splitlines()]
    return [(name, kind) for name, kind in (line for line in lines if line[0] != "#")]


# --- the three files that must work ----------------------------------------------------------------

def test_debians_default_file(migrate):
    result = migrate(read(f"{DATA}/opendmarc-debian.conf")).check()
    assert result.done.returncode == 0
    assert result.options == {
        "IgnoreAuthenticatedClients": "false", "LogTarget": '"syslog"', "UMask": '"0002"',
        "policyd.Socket": '"local:/var/spool/postfix/truefrom/policyd.sock"',
        "milter.Socket": f'"{DEFAULT_SOCKET}"',
        "milter.QuarantineAction": '"accept"', "milter.SPFSelfValidate": "false"}
    assert "systemd" in result.explained("PidFile")
    assert "RFC 9989" in result.explained("PublicSuffixList")
    assert "truefrom-milter" in result.explained("UserID")
    assert "3 options translated, 3 explained, 0 lines not understood" in result.stderr


def test_the_settings_of_tutorials(migrate, tmp_path):
    write(f"{tmp_path}/ignore.hosts", "127.0.0.1\n192.0.2.0/24\n")
    text = read(f"{DATA}/opendmarc-tutorial.conf").replace("@FOLDER@", str(tmp_path))
    result = migrate(text).check()
    assert result.done.returncode == 0
    assert result.options == {
        "AuthservID": '"OpenDMARC"', "TrustedAuthservIDs": '( "mail.example.org", "HOSTNAME" )',
        "IgnoreHosts": f'"{tmp_path}/ignore.hosts"', "IgnoreAuthenticatedClients": "true",
        "policyd.Socket": '"local:/var/spool/postfix/truefrom/policyd.sock"',
        "milter.Socket": f'"{DEFAULT_SOCKET}"',
        "milter.RejectFailures": "true", "milter.QuarantineAction": '"accept"',
        "milter.RequiredHeaders": "true", "milter.SPFSelfValidate": "true"}
    assert "8 options translated, 0 explained" in result.stderr


def test_every_option(migrate, tmp_path):
    write(f"{tmp_path}/ignore.hosts", "127.0.0.1\n")
    text = read(f"{DATA}/opendmarc-every-option.conf").replace("@FOLDER@", str(tmp_path))
    result = migrate(text).check()
    assert result.done.returncode == 0 and result.warnings() == []
    assert result.options == {
        "AuthservID": '"mx.example.org"',
        "TrustedAuthservIDs": '( "mx.example.org", "HOSTNAME", "dkim.example.org" )',
        "IgnoreHosts": f'"{tmp_path}/ignore.hosts"',
        "IgnoreMailFrom": '( "example.com", "Example.NET" )',
        "IgnoreAuthenticatedClients": "true", "DNSTimeout": "7", "LogTarget": '"syslog"',
        "UMask": '"0006"',
        "policyd.Socket": '"local:/var/spool/postfix/truefrom/policyd.sock"',
        "milter.Socket": '"inet:8893@127.0.0.1"', "milter.RejectFailures": "true",
        "milter.QuarantineAction": '"hold"', "milter.RequiredHeaders": "true",
        "milter.SPFSelfValidate": "true", "milter.SPFIgnoreResults": "true",
        "milter.RejectString": r'"\"no\" says the policy of %s \\o/"',
        "milter.CopyFailuresTo": '"postmaster@example.org"'}
    for name, _ in known_options():
        translated = any(option.split(".")[-1] == name for option in result.options)
        where = {"HoldQuarantinedMessages": "milter.QuarantineAction", "Syslog": "LogTarget"}.get(name)
        assert translated or where in result.options or result.explained(name), name
    assert re.search(r": 16 options translated, 27 explained, 0 lines", result.stderr)
    assert len(known_options()) == 16 + 27


@pytest.mark.parametrize("name,kind", known_options())
def test_each_option_alone_is_understood(migrate, name, kind):
    for value in {"s": ["x", "/x", "é"], "i": ["0", "3", "-1", "0777"], "b": ["yes", "no"]}[kind]:
        result = migrate(f"{name} {value}\n")
        assert result.done.returncode == 0 and "0 lines not understood" in result.stderr
        assert "1 options translated, 0 explained" in result.stderr or (
            "0 options translated, 1 explained" in result.stderr and result.explained(name))
        if name != "IgnoreHosts":
            result.check()


def test_every_option_of_the_file_is_one_of_opendmarc():
    given = re.findall(r"^(\w+) ", read(f"{DATA}/opendmarc-every-option.conf"), re.MULTILINE)
    assert given == [name for name, _ in known_options()]


# --- what each option becomes ----------------------------------------------------------------------

EXPLAINED = {
    "AuthservIDWithJobID yes": "queue ID", "AutoRestart yes": "systemd", "AutoRestartCount 3": "systemd",
    "AutoRestartRate 10/1h": "systemd", "Background yes": "foreground", "BaseDirectory /x": "absolute",
    "ChangeRootDirectory /x": "confine", "DomainWhitelist x": "ARC", "DomainWhitelistFile /x": "ARC",
    "DomainWhitelistSize 9": "ARC", "EnableCoredumps yes": "LimitCORE", "FailureReports yes": "reports",
    "FailureReportsBcc a@b": "reports", "FailureReportsOnNone yes": "reports",
    "FailureReportsSentBy a@b": "reports", "HistoryFile /x": "HistoryDirectory",
    "IgnoreMailTo a@b": "history", "MilterDebug 1": "libmilter", "PidFile /x": "systemd",
    "PublicSuffixList /x": "RFC 9989", "RecordAllMessages yes": "HistoryDirectory",
    "RejectMultiValueFrom yes": "RequiredHeaders", "ReportCommand x": "shell",
    "SoftwareHeader yes": "Authentication-Results", "Syslog no": "always logs",
    "SyslogFacility mail": "mail", "TestDNSData /x": "Nameservers", "UserID x": "truefrom-policyd",
    "UMask 077": "0007", "UMask -1": "0007", "CopyFailuresTo postmaster": "not a mail address",
    "RejectString no domain": "%s", "RejectString 5%% of %s": "%s", "IgnoreMailFrom *.x": "nothing",
    "AuthservID é": "ASCII", "Socket foo:bar": "local:PATH", "Socket inet:smtp@localhost": "inet:PORT",
}


@pytest.mark.parametrize("line", EXPLAINED)
def test_what_has_no_counterpart_is_explained(migrate, line):
    result = migrate(line + "\n").check()
    assert EXPLAINED[line] in result.explained(line.split()[0])
    # in an explanation, and in no option: the result is that of an empty file
    assert result.options == migrate("").options


TRANSLATED = [
    ("AuthservID HOSTNAME", "AuthservID", '"HOSTNAME"'),
    ("authservid mx.example.org", "AuthservID", '"mx.example.org"'),
    ("TrustedAuthservIDs a , b c,,d", "TrustedAuthservIDs", '( "a", "b", "d" )'),
    ("IgnoreMailFrom example.com", "IgnoreMailFrom", '( "example.com" )'),
    ("IgnoreMailFrom .a.example, b.example, *.c", "IgnoreMailFrom", '( "b.example" )'),
    ("IgnoreAuthenticatedClients True", "IgnoreAuthenticatedClients", "true"),
    ("IgnoreAuthenticatedClients 0", "IgnoreAuthenticatedClients", "false"),
    ("DNSTimeout 5", "DNSTimeout", "5"),
    ("DNSTimeout 0", "DNSTimeout", "20"),
    ("DNSTimeout 21", "DNSTimeout", "20"),
    ("DNSTimeout 010", "DNSTimeout", "8"),
    ("DNSTimeout -3", "DNSTimeout", "5"),
    ("Syslog 1", "LogTarget", '"syslog"'),
    ("UMask 0002", "UMask", '"0002"'),
    ("UMask 0", "UMask", '"0000"'),
    ("UMask 7", "UMask", '"0007"'),
    ("UMask 13", "UMask", '"0015"'),
    ("UMask 0x7", "UMask", '"0007"'),
    ("UMask 07002", "UMask", '"0002"'),
    ("RejectFailures yes", "milter.RejectFailures", "true"),
    ("RejectFailures nope", "milter.RejectFailures", "false"),
    ("HoldQuarantinedMessages t", "milter.QuarantineAction", '"hold"'),
    ("HoldQuarantinedMessages f", "milter.QuarantineAction", '"accept"'),
    ("RequiredHeaders Y", "milter.RequiredHeaders", "true"),
    ("SPFSelfValidate yes", "milter.SPFSelfValidate", "true"),
    ("SPFSelfValidate no", "milter.SPFSelfValidate", "false"),
    ("SPFIgnoreResults yes", "milter.SPFIgnoreResults", "true"),
    ("RejectString go away, %s!", "milter.RejectString", '"go away, %s!"'),
    ('RejectString \\"%s\\', "milter.RejectString", r'"\\\"%s\\"'),
    ("CopyFailuresTo pm@example.org", "milter.CopyFailuresTo", '"pm@example.org"'),
    ("Socket inet:8893@localhost", "milter.Socket", '"inet:8893@localhost"'),
    ("Socket inet:8893", "milter.Socket", '"inet:8893"'),
    ("Socket INET:8893@[192.0.2.1]", "milter.Socket", '"inet:8893@192.0.2.1"'),
    ("Socket inet6:8893@[::1]", "milter.Socket", '"inet6:8893@::1"'),
]


@pytest.mark.parametrize("lines,name,value", TRANSLATED)
def test_what_has_a_counterpart_is_translated(migrate, lines, name, value):
    assert migrate(lines + "\n").check().options[name] == value


def test_ignore_hosts_begins_at_the_base_directory(migrate, tmp_path):
    write(f"{tmp_path}/hosts", "192.0.2.1\n")
    result = migrate(f"IgnoreHosts hosts\nBaseDirectory {tmp_path}\nChangeRootDirectory /x\n").check()
    assert result.options["IgnoreHosts"] == f'"{tmp_path}/hosts"'


def test_an_empty_file_keeps_opendmarcs_defaults(migrate):
    result = migrate("").check()
    assert result.options == {
        "IgnoreAuthenticatedClients": "false",
        "policyd.Socket": '"local:/var/spool/postfix/truefrom/policyd.sock"',
        "milter.Socket": f'"{DEFAULT_SOCKET}"',
        "milter.QuarantineAction": '"accept"', "milter.SPFSelfValidate": "false"}


# --- sockets and what is left to do ------------------------------------------------------------------

ELSEWHERE = [
    ("Socket local:/run/x.sock", "/run/x.sock"),
    ("Socket unix:/run/x.sock", "/run/x.sock"),
    ("Socket LOCAL:/run/x.sock", "/run/x.sock"),
    ("Socket /run/x.sock", "/run/x.sock"),
    ("Socket local:x.sock", "/x.sock"),
    ("BaseDirectory /b/\nSocket local:x.sock", "/b/x.sock"),
    ("ChangeRootDirectory /c\nBaseDirectory /b\nSocket local:x", "/c/x"),
    ("ChangeRootDirectory c\nBaseDirectory /b\nSocket /s/x", "/b/c/s/x"),
    ("Socket local:/var/spool/postfix/opendmarc/opendmarc.sock", "/var/spool/postfix/opendmarc/opendmarc.sock"),
]


@pytest.mark.parametrize("lines,path", ELSEWHERE)
def test_a_socket_where_the_daemon_may_make_none_becomes_ours(migrate, lines, path):
    result = migrate(lines + "\n").check()
    assert result.options["milter.Socket"] == f'"{DEFAULT_SOCKET}"'
    line = 1 + lines[:lines.index("Socket ")].count("\n")
    assert result.warnings() == [f"truefrom: warning: {result.source}:{line}: Socket: truefrom-milter may make"
                                 f" no socket at {path}: {DEFAULT_SOCKET} instead"]


def test_our_own_socket_stays(migrate):
    assert migrate(f"Socket {DEFAULT_SOCKET}\n").check().warnings() == []


POLICY = "check_policy_service { unix:truefrom/policyd.sock, timeout=30s, default_action=DUNNO }"
FORGED = "regexp:{{/^Authentication-Results:/ IGNORE}}"


def steps(result):
    """The commands that are left to do."""
    return result.stderr[result.stderr.index("To do next"):].splitlines()[1:]


def postfix_settings(result):
    """What they set: {"smtpd_milters": …}, after a shell has read them."""
    settings = {}
    for command in map(shlex.split, steps(result)):
        if command[0] == "postconf":
            assert command[-2] in ("-e", "-P"), command
            settings.update([re.fullmatch(r"(\S+?) ?= ?(.*)", command[-1]).groups()])
    return settings


@pytest.fixture(name="postfix")
def fixture_postfix(tmp_path):
    """Makes a configuration directory of Postfix with these lines."""
    def make(lines, master=""):
        folder = tmp_path / "postfix"
        folder.mkdir(exist_ok=True)
        write(folder / "main.cf", f"compatibility_level = 3.6\n{lines}")
        # Postfix waits until a file that was written just now is two seconds old
        os.utime(folder / "main.cf", (1, 1))
        write(folder / "master.cf", f"smtp inet n - y - - smtpd\n{master}")
        return str(folder)
    return make


def test_without_postfix_the_documented_lines_are_printed(migrate, tmp_path):
    result = migrate(read(f"{DATA}/opendmarc-tutorial.conf"), "--config-dir", tmp_path / "none")
    assert "documented lines" in result.stderr
    settings = postfix_settings(result)
    documented = read(f"{TOP}/etc/postfix/main.cf.recipient-and-data")
    for name in ("smtpd_data_restrictions", "smtpd_milters", "milter_default_action", "header_checks",
                 "mime_header_checks", "nested_header_checks", "smtpd_forbid_bare_newline"):
        value = re.search(rf"(?m)^{name} =(.*(?:\n[ \t].*)*)", documented)[1]
        assert settings[name].split() == value.split(), name
    assert settings["smtpd_recipient_restrictions"].endswith(f"reject_unauth_destination, {POLICY}")


def test_the_tutorials_postfix(migrate, postfix):
    folder = postfix("smtpd_milters = local:opendkim/opendkim.sock,local:opendmarc/opendmarc.sock\n"
                     "non_smtpd_milters = $smtpd_milters\nmilter_default_action = accept\n")
    result = migrate(read(f"{DATA}/opendmarc-tutorial.conf"), "--config-dir", folder)
    assert postfix_settings(result) == {
        "smtpd_recipient_restrictions":
            f"permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, {POLICY}",
        "smtpd_data_restrictions": f"reject_unauth_pipelining, {POLICY}",
        "smtpd_milters": "local:opendkim/opendkim.sock, unix:truefrom/milter.sock",
        "non_smtpd_milters": "local:opendkim/opendkim.sock",
        "milter_default_action": "tempfail",
        "header_checks": FORGED, "mime_header_checks": "", "nested_header_checks": "",
        "smtpd_forbid_bare_newline": "yes"}
    assert [line.split(" -c ")[0] for line in steps(result) if not line.startswith("postconf")] == [
        "truefrom -t", "systemctl enable truefrom-policyd truefrom-milter",
        "systemctl restart truefrom-policyd truefrom-milter", "postfix reload",
        "systemctl disable --now opendmarc", "truefrom doctor"]


def test_a_shell_takes_the_commands(migrate, postfix):
    folder = postfix("smtpd_milters = local:opendmarc/opendmarc.sock\nheader_checks = regexp:{{/it's/ HOLD}}\n",
                     "submission inet n - y - - smtpd\n"
                     "  -o { smtpd_milters = { inet:localhost:8891, connect_timeout=5s }, local:opendmarc/opendmarc.sock }\n")
    result = migrate("RejectFailures yes\n", "--config-dir", folder)
    script = "\n".join(line for line in steps(result) if line.startswith("postconf"))
    subprocess.run(["sh", "-e"], input=script, text=True, check=True, timeout=60,
                   env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
    again = migrate("RejectFailures yes\n", "--config-dir", folder)
    shown = subprocess.run(["/usr/sbin/postconf", "-c", folder, "-P"], capture_output=True, text=True,
                           timeout=60, check=True).stdout
    assert "smtpd_milters={inet:localhost:8891,connect_timeout=5s},unix:truefrom/milter.sock" in shown.replace(" ", "")
    settings, then = postfix_settings(result), postfix_settings(again)
    assert settings["header_checks"] == f"{FORGED}, regexp:{{{{/it's/ HOLD}}}}"
    assert settings["mime_header_checks"] == "regexp:{{/it's/ HOLD}}"
    # done twice, nothing changes
    assert then.items() <= settings.items()


@pytest.mark.parametrize("name,before,after", [
    ("smtpd_milters", "inet:127.0.0.1:8893", "unix:truefrom/milter.sock"),
    ("smtpd_milters", "inet:localhost:8891, { inet:localhost:8893, connect_timeout=5s }, inet:mx:8893",
     "inet:localhost:8891, inet:mx:8893, unix:truefrom/milter.sock"),
    ("smtpd_milters", "unix:/run/dm/x.sock, unix:dm/x.sock", "unix:dm/x.sock, unix:truefrom/milter.sock"),
    ("smtpd_milters", "unix:truefrom/milter.sock, unix:opendkim/opendkim.sock",
     "unix:opendkim/opendkim.sock, unix:truefrom/milter.sock"),
    ("smtpd_recipient_restrictions", "permit_mynetworks reject_unauth_destination check_policy_service "
     "unix:private/policyd-spf check_policy_service inet:127.0.0.1:10023",
     f"permit_mynetworks, reject_unauth_destination, {POLICY}, check_policy_service inet:127.0.0.1:10023"),
    ("smtpd_recipient_restrictions", "permit_mynetworks, permit_auth_destination, reject",
     f"permit_mynetworks, {POLICY}, permit_auth_destination, reject"),
    ("smtpd_recipient_restrictions", "permit_auth_destination, reject_unauth_destination",
     f"{POLICY}, permit_auth_destination, reject_unauth_destination"),
    ("smtpd_data_restrictions", "reject_unauth_pipelining", f"reject_unauth_pipelining, {POLICY}"),
    ("smtpd_data_restrictions", POLICY, POLICY),
    ("header_checks", FORGED, FORGED)])
def test_what_main_cf_had_else_stays(migrate, postfix, name, before, after):
    folder = postfix(f"{name} = {before}\n")
    socket = {"inet": "inet:8893@localhost", "unix": "/run/dm/x.sock"}[
        "inet" if before.startswith("inet") else "unix"]
    settings = postfix_settings(migrate(f"Socket {socket}\n", "--config-dir", folder))
    expected = "inet:localhost:8893" if socket.startswith("inet") else "unix:truefrom/milter.sock"
    assert settings[name] == after.replace("unix:truefrom/milter.sock", expected)


def test_opendmarc_ends_first_where_its_port_is_taken_over(migrate, postfix):
    todo = steps(migrate("Socket inet:8893@localhost\n", "--config-dir", postfix("")))
    assert todo.index("systemctl disable --now opendmarc") < todo.index(
        "systemctl restart truefrom-policyd truefrom-milter")


@pytest.mark.parametrize("lines,told,not_told", [
    ("", ["np=", "pct="], ["451", "550"]),
    ("RejectFailures yes\n", ["SERVFAIL", "451", "250 for a spoof"], ["Sender"]),
    ("RequiredHeaders yes\n", ["Several author domains in one From field", "(550)", "Sender"], ["451"])])
def test_what_changes_is_told(migrate, lines, told, not_told):
    stderr = migrate(lines).stderr
    text = stderr[stderr.index("Treated otherwise"):stderr.index("To do next")]
    assert all(word in text for word in told) and not any(word in text for word in not_told)


# --- lines that do not count -----------------------------------------------------------------------

@pytest.mark.parametrize("line,why", [
    ("Nonsense yes", "has no such option"), ("Socket", "the value is missing"),
    ("RejectFailures maybe", "must begin with"), ("DNSTimeout 5s", "whole number"),
    ("DNSTimeout 5 s", "whole number"), ("Include /etc/more.conf", "has no such option"),
    ("RejectFailures\vyes", "has no such option"), ("Syslog yes" + " " * 1100, "1023"),
    ("Syslog yes\0", "NUL")])
def test_what_opendmarc_refuses_is_told_and_the_rest_translated(migrate, line, why):
    result = migrate(f"AuthservID first\n{line}\nTrustedAuthservIDs last\n").check()
    assert result.done.returncode == 78
    assert "1 lines not understood" in result.stderr
    assert [warning for warning in result.warnings() if f"{result.source}:2: " in warning
            and why in warning and "migrate again" in warning]
    assert result.options["AuthservID"] == '"first"'
    assert result.options["TrustedAuthservIDs"] == '( "last" )'
    assert "# line 2:" in result.text and "Syslog" not in result.options


def test_the_last_of_several_lines_counts(migrate):
    result = migrate("DNSTimeout 3\nDNSTimeout 4\n").check()
    assert result.done.returncode == 0 and result.options["DNSTimeout"] == "4"
    assert f"{result.source}:1: DNSTimeout 3: given again further down" in result.warnings()[0]


def test_comments_white_space_and_carriage_returns(migrate):
    result = migrate("\r\n#Socket inet:1\n \t# x\n\t AuthservID \t a b#c\r\nSyslog yes\r\n").check()
    assert result.options["AuthservID"] == '"a b"' and result.options["LogTarget"] == '"syslog"'


def test_no_control_character_comes_through(migrate):
    result = migrate("PidFile /\x1b[2Jx\x7f\xff\nIgnoreHosts /\x1b\x01\n\x1b[31m\x07 x\n")
    for text in (result.text, result.stderr):
        assert all(" " <= char <= "~" for char in text.replace("\n", ""))
    assert r"# PidFile /\033[2Jx\177\377" in result.text


# --- the file that IgnoreHosts names ---------------------------------------------------------------

@pytest.mark.parametrize("line,message", [
    ("192.0.2.5/24", "192.0.2.5/24 matches nothing in OpenDMARC, which compares text, and 192.0.2.0/24"),
    ("2001:DB8:0::1", "and 2001:db8::1 here"),
    ("2001:db8::1/32", "and 2001:db8::/32 here"),
    ("198.51.100.0/255.255.255.0", "write 198.51.100.0/24 instead"),
    ("192.0.2.1 our office", "put # before the rest"),
    ("192.0.2.1/33", "correct it"), ("not a..name", "put # before"), ("a..b", "correct it")])
def test_a_line_that_is_read_differently_is_told(migrate, tmp_path, line, message):
    hosts = write(f"{tmp_path}/hosts", f"127.0.0.1\n{line}\n")
    result = migrate(f"IgnoreHosts {hosts}\n")
    assert len(result.warnings()) == 1 and f"{hosts}:2: " in result.warnings()[0]
    assert message in result.warnings()[0]
    assert result.done.returncode == 0


def test_an_exception_that_a_name_outweighs_is_told(migrate, tmp_path):
    hosts = write(f"{tmp_path}/hosts", "!192.0.2.66\n.example.org\n")
    assert f"{hosts}:1: in OpenDMARC a client" in migrate(f"IgnoreHosts {hosts}\n").warnings()[0]


def test_lines_that_are_read_alike_are_not_told(migrate, tmp_path):
    hosts = write(f"{tmp_path}/hosts", "# x\n\n127.0.0.1\n 192.0.2.0/24 # y\n2001:db8::/32\n"
                                       "2001:DB8::1\nmail.example.org\n.example.org\n!a.example.org\n")
    result = migrate(f"IgnoreHosts {hosts}\n").check()
    assert result.warnings() == []


def test_a_missing_ignore_hosts_is_told(migrate):
    result = migrate("IgnoreHosts /nonexistent/hosts\n")
    assert "/nonexistent/hosts: No such file or directory" in result.warnings()[0]
    assert result.options["IgnoreHosts"] == '"/nonexistent/hosts"'


# --- files and usage -------------------------------------------------------------------------------

def test_output_goes_to_a_file_that_is_not_there_yet(tmp_path):
    source = write(f"{tmp_path}/o.conf", "AuthservID one\n")
    target = f"{tmp_path}/t.conf"
    done = truefrom("migrate", "-o", target, source)
    assert done.returncode == 0 and done.stdout == "" and f"truefrom -t -c '{target}'" in done.stderr
    assert 'AuthservID = "one";' in read(target)
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o644

    write(source, "AuthservID two\n")
    done = truefrom("migrate", "-o", target, source)
    assert done.returncode == 73 and "--force" in done.stderr
    assert 'AuthservID = "one";' in read(target)

    done = truefrom("migrate", "--output", target, "--force", source)
    assert done.returncode == 0 and 'AuthservID = "two";' in read(target)
    assert sorted(os.listdir(tmp_path)) == ["o.conf", "t.conf"]


def test_what_cannot_be_written_is_told(tmp_path):
    source = write(f"{tmp_path}/o.conf", "")
    done = truefrom("migrate", "-o", f"{tmp_path}/no/t.conf", source)
    assert done.returncode == 73 and "No such file or directory" in done.stderr
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([program("truefrom"), "migrate", source], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 73 and "No space left" in done.stderr


def test_what_cannot_be_read_is_66(tmp_path):
    for path in (f"{tmp_path}/none", tmp_path):
        done = truefrom("migrate", path)
        assert (done.returncode, done.stdout) == (66, "") and str(path) in done.stderr
    write(f"{tmp_path}/big", "#" * (1 << 20) + "\n")
    assert truefrom("migrate", f"{tmp_path}/big").returncode == 66


def test_wrong_usage_is_64():
    for arguments in ([], ["a", "b"], ["--nonsense", "a"], ["-f", "a"], ["-o"]):
        done = truefrom("migrate", *arguments)
        assert (done.returncode, done.stdout) == (64, "") and "usage: truefrom migrate" in done.stderr


def test_help():
    done = truefrom("migrate", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--output", "--force", "--config-dir", "--help"):
        assert option in done.stdout

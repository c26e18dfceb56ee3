"""What `-t` passes can start, and what cannot start says why where it is seen: -t as root looks with the
eyes of the daemons' users; errors of the configuration have a hint; a daemon started by hand tells the
terminal."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from lab import Daemon, free_port, wait_for
from scrape import Scrape
from tool import TOP, program, truefrom, write_config

PROGRAMS = ("truefrom", "truefrom-policyd", "truefrom-milter")
ROOT = os.geteuid() == 0
AS_ROOT = pytest.mark.skipif(not ROOT, reason="only root sees with other users' eyes")


def run(name, *arguments, **options):
    return subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False, **options)


@pytest.fixture(name="folder")
def folder_fixture():
    """One that every user may look into, with a state directory of nobody's."""
    path = tempfile.mkdtemp(prefix="tf-start-", dir="/tmp")
    os.chmod(path, 0o755)
    os.mkdir(f"{path}/state")
    os.chmod(f"{path}/state", 0o755)
    if ROOT:
        os.chown(f"{path}/state", pwd.getpwnam("nobody").pw_uid, -1)
    yield path
    shutil.rmtree(path)


def checked(path, name="truefrom"):
    """The errors that -t finds, without the file's name: ["LINE: message"]."""
    done = run(name, "-t", "-c", path)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert all(re.match(r"/[^:]*:\d+: \S", line) for line in lines), done.stderr
    assert done.returncode == (78 if lines else 0)
    return [line.replace(f"{path}:", "", 1) for line in lines]


def config(folder, text):
    path = f"{folder}/truefrom.conf"
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return path


# --- with the eyes of the daemons' users ----------------------------------------------------------------

NOBODY = 'UserID = "nobody";'


@AS_ROOT
def test_what_the_user_can_read_is_passed(folder):
    with open(f"{folder}/ignore.hosts", "w", encoding="utf-8") as file:
        file.write("192.0.2.1\n")
    path = write_config(folder, top=f'{NOBODY}\nIgnoreHosts = "{folder}/ignore.hosts";')
    for name in PROGRAMS:
        assert checked(path, name) == []


@AS_ROOT
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_configuration_that_only_root_can_read(folder, name):
    path = write_config(folder, top=NOBODY)
    os.chmod(path, 0o600)
    found = checked(path, name)
    assert found and set(found) == {"1: cannot be read: Permission denied (seen as the user nobody)"}


@AS_ROOT
def test_a_folder_that_only_root_can_enter(folder):
    os.mkdir(f"{folder}/etc", 0o700)
    path = write_config(folder, top=NOBODY)
    path = shutil.move(path, f"{folder}/etc/truefrom.conf")
    assert set(checked(path)) == {
        f"1: cannot be read: Permission denied: {folder}/etc (seen as the user nobody)"}


@AS_ROOT
def test_ignore_hosts_that_only_root_can_read(folder):
    with open(f"{folder}/ignore.hosts", "w", encoding="utf-8") as file:
        file.write("192.0.2.1\n")
    os.chmod(f"{folder}/ignore.hosts", 0o600)
    path = write_config(folder, top=f'{NOBODY}\nIgnoreHosts = "{folder}/ignore.hosts";')
    assert set(checked(path)) == {
        f"5: IgnoreHosts: cannot be read: Permission denied: {folder}/ignore.hosts "
        "(seen as the user nobody)"}


@AS_ROOT
def test_a_state_directory_that_the_user_cannot_write(folder):
    os.chown(f"{folder}/state", 0, 0)
    path = write_config(folder, top=NOBODY)
    assert checked(path) == [f"3: StateDirectory: {folder}/state: Permission denied "
                             "(seen as the user nobody)"]
    assert checked(path, "truefrom-milter") == []  # it only reads


def in_namespace(folder, command):
    """With the units' users, whose database stands in for this host's."""
    for name, line in (("passwd", "truefrom-{}:x:{}:{}::/nonexistent:/usr/sbin/nologin\n"),
                       ("group", "truefrom-{}:x:{}:\n")):
        with open(f"/etc/{name}", encoding="utf-8") as file:
            text = "".join(each for each in file if not each.startswith("truefrom"))
        for number, daemon in enumerate(("policyd", "milter")):
            uid = 64100 + number
            text += line.format(daemon, uid, uid)
        text += "truefrom:x:64102:\n" if name == "group" else ""
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    script = "".join(f"mount --bind {folder}/{name} /etc/{name} && " for name in ("passwd", "group"))
    return subprocess.run(["unshare", "-m", "sh", "-c", script + command], capture_output=True, text=True,
                          timeout=60, check=False)


@AS_ROOT
def test_the_users_of_the_units(folder):
    """Without UserID: those of sysusers.d, which have to make their sockets themselves."""
    if in_namespace(folder, "true").returncode != 0:
        pytest.skip("no mounts here")
    path = write_config(folder)
    os.chown(f"{folder}/state", 64100, 64102)
    os.chmod(f"{folder}/state", 0o2750)
    command = f"{program('truefrom')} -t -c {path}"
    done = in_namespace(folder, command)
    expected = [f"{path}:{line}: {daemon}.Socket: {folder}: Permission denied (seen as the user "
                f"truefrom-{daemon})" for line, daemon in ((5, "policyd"), (6, "milter"))]
    assert (done.returncode, done.stderr.splitlines()) == (78, expected)
    os.chmod(folder, 0o777)
    assert in_namespace(folder, command).returncode == 0
    os.chmod(f"{folder}/state", 0o2700)
    done = in_namespace(folder, command)
    assert done.stderr == (f"{path}:3: StateDirectory: {folder}/state: Permission denied "
                           "(seen as the user truefrom-milter)\n")


# --- what is wrong for everybody ------------------------------------------------------------------------


def test_an_empty_file(folder):
    path = config(folder, "")
    both = checked(path)
    assert [line.split(":")[1] for line in both] == [" policyd.Socket", " milter.Socket"]
    assert checked(path, "truefrom-policyd") == both[:1]
    assert checked(path, "truefrom-milter") == both[1:]


@pytest.mark.parametrize("top,policyd,milter,expected", [
    ('UserID = "nosuchuser";', "", "", ["4: UserID: no such user or group: nosuchuser"]),
    ('UserID = "nobody:nosuchgroup";', "", "",
     ["4: UserID: no such user or group: nobody:nosuchgroup"]),
    ("", "", 'MetricsSocket = "inet:9853@127.0.0.1";', []),
    ("", 'MetricsSocket = "inet:9853@127.0.0.1";', 'MetricsSocket = "inet:9853@localhost";',
     ["7: milter.MetricsSocket: the same socket as policyd.MetricsSocket"]),
    ("", 'MetricsSocket = "inet:9853@127.0.0.1";', 'MetricsSocket = "inet:9853";',
     ["7: milter.MetricsSocket: the same socket as policyd.MetricsSocket"]),
    ("", 'MetricsSocket = "inet:9853@127.0.0.1";', 'MetricsSocket = "inet:9854@127.0.0.1";', []),
    ("", 'MetricsSocket = "inet:9853@127.0.0.1";', 'MetricsSocket = "inet:9853@127.0.0.2";', []),
    ("", 'MetricsSocket = "inet:9853@no-such-host.invalid";', "",
     ["6: policyd.MetricsSocket: inet:9853@no-such-host.invalid: its host is not known, or not an "
      "address of this host; change the socket"]),
    ("", 'MetricsSocket = "inet:9853@192.0.2.99";', "",
     ["6: policyd.MetricsSocket: inet:9853@192.0.2.99: its host is not known, or not an address of "
      "this host; change the socket"]),
    ("", 'MetricsSocket = "local:{}/none/x.sock";', "",
     ["6: policyd.MetricsSocket: no such directory: {}/none; make it, or change "
      "policyd.MetricsSocket"]),
    ("", 'MetricsSocket = "local:{}/truefrom.conf/x.sock";', "",
     ["6: policyd.MetricsSocket: {}/truefrom.conf is in the way: not a directory"]),
    ("", 'MetricsSocket = "local:{}/truefrom.conf";', "",
     ["6: policyd.MetricsSocket: a file that is no socket is there; remove it, or change the socket"]),
    ("", 'MetricsSocket = "local:/run/truefrom-not-made-yet/x.sock";', "", []),
])
def test_what_cannot_be(folder, top, policyd, milter, expected):
    fill = lambda text: text.replace("{}", folder)
    path = write_config(folder, top + "\n", fill(policyd), fill(milter))
    assert checked(path) == [fill(line) for line in expected]


def test_both_daemons_on_one_socket(folder):
    path = write_config(folder)
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("local:" + folder + "/milter.sock", "unix:" + folder + "/policyd.sock")
    assert checked(config(folder, text)) == ["6: milter.Socket: the same socket as policyd.Socket"]


@pytest.mark.parametrize("state,expected", [
    ("{}/none/state", "3: StateDirectory: no such directory: {}/none; make it, or change StateDirectory"),
    ("{}/truefrom.conf", "3: StateDirectory: {}/truefrom.conf is in the way: not a directory"),
    ("{}/truefrom.conf/state", "3: StateDirectory: {}/truefrom.conf is in the way: not a directory"),
    ("{}/new", None),
    ("/run/truefrom-not-made-yet/state", None),
])
def test_a_state_directory_that_cannot_be(folder, state, expected):
    with open(write_config(folder), encoding="utf-8") as file:
        text = file.read().replace(f"{folder}/state", state.replace("{}", folder))
    path = config(folder, text)
    assert checked(path) == ([expected.replace("{}", folder)] if expected else [])


def test_the_example_is_passed_where_nothing_is_installed():
    if os.path.exists("/var/spool/postfix/truefrom"):
        pytest.skip("installed here")
    assert checked(f"{TOP}/etc/truefrom.conf") == []


# --- errors with a hint ---------------------------------------------------------------------------------

SOCKETS = 'policyd: { Socket = "local:/p"; };\nmilter: { Socket = "local:/m"; };\n'


@pytest.mark.parametrize("text,line,part", [
    ("StateLifetime = 600;\nIgnoreAuthenticatedClients = yes;\n", 2, "syntax error: write true or false, not yes"),
    ("IgnoreAuthenticatedClients = Off;\n", 1, "syntax error: write true or false, not off"),
    ("policyd: {\n  Socket = local:/var/run/x;\n};\n", 2, "syntax error: local:/var/run/x must stand in double quotes"),
    ("# OpenDMARC\nAuthservID mx.example.org\n", 2, "this is OpenDMARC's syntax; \"truefrom migrate FILE\" translates it"),
    ("RejectFailures true\n", 1, "this is OpenDMARC's syntax"),
    ("Socket local:/run/opendmarc.sock\n", 1, "this is OpenDMARC's syntax"),
    ("DNSTimeout =\n= 5;\n", 2, "syntax error: expected NAME = VALUE; where VALUE is"),
    ("policyd: {\n", 2, "syntax error at the end of the file: is a brace"),
    (b"\xff\xfeU\x00", 1, "the file is UTF-16; save it as UTF-8"),
    ('@include "more.conf"\n', 1, '@include "more.conf": No such file or directory: {}/more.conf (the path is '
                                  'relative to the folder of the configuration)'),
    ('IgnoreHosts = "/etc";\n' + SOCKETS, 1, "IgnoreHosts: cannot be read: Is a directory: /etc"),
])
def test_hints(folder, text, line, part):
    found = checked(config(folder, text))
    assert len(found) == 1 and found[0].startswith(f"{line}: ") and part.replace("{}", folder) in found[0], found


@pytest.mark.parametrize("text", [
    b"\xef\xbb\xbf" + SOCKETS.encode(),
    SOCKETS.replace("\n", "\r\n").encode(),
    b"\xef\xbb\xbf" + b"# comment\r\n" + SOCKETS.replace("\n", "\r\n").encode(),
])
def test_what_windows_editors_write_is_taken(folder, text):
    text = text.replace(b"local:/", f"local:{folder}/".encode()) + \
        f'\nStateDirectory = "{folder}/state";\n'.encode()
    assert checked(config(folder, text)) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_directory_as_configuration(folder, name):
    done = run(name, "-t", "-c", folder)
    assert (done.returncode, done.stderr) == (
        78, f"{folder}:1: is a directory: name a file, such as the truefrom.conf in it\n")


def test_an_included_directory(folder):
    """libconfig would end the process: a daemon at its reload."""
    path = config(folder, '@include "one.conf"\n' + SOCKETS)
    with open(f"{folder}/one.conf", "w", encoding="utf-8") as file:
        file.write('  @include "state"\n')
    done = run("truefrom", "-t", "-c", path)
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert done.stderr.startswith(f"{folder}/state:1: is a directory")


# --- help and version -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROGRAMS)
def test_long_options(name):
    for long, short in (("--help", "-h"), ("--version", "-V")):
        done, other = run(name, long), run(name, short)
        assert (done.returncode, done.stdout, done.stderr) == (0, other.stdout, "") and done.stdout
    assert run(name, "--version").stdout.startswith(f"{name} ")


@pytest.mark.parametrize("command", ["check", "replay", "migrate", "doctor", "stats"])
def test_long_options_of_commands(command):
    assert truefrom(command, "--help").stdout == truefrom(command, "-h").stdout != ""
    for option in ("--version", "-V"):
        assert truefrom(command, option).stdout == truefrom("--version").stdout != ""


# --- a daemon started by hand ---------------------------------------------------------------------------


def start_in_vain(folder, name, **environment):
    path = write_config(folder)
    with open(path, encoding="utf-8") as file:
        text = file.read().replace('LogTarget = "stderr";', "")
    if name == "truefrom-policyd":
        text = text.replace(f"{folder}/state", f"{folder}/none/state")
    else:
        text = text.replace(f"local:{folder}/milter.sock", f"local:{folder}/none/milter.sock")
    done = run(name, "-c", config(folder, text),
               env={**os.environ, "TRUEFROM_ALLOW_ROOT": "1", **environment})
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("name", PROGRAMS[1:])
def test_a_fatal_error_is_seen_where_it_was_started(folder, name):
    """LogTarget is syslog, which nobody looks at now."""
    assert re.search(rf"^{name}\[\d+\]: fatal: .*(none/state|none/milter\.sock)", start_in_vain(folder, name), re.M)


def test_the_journal_does_not_have_it_twice(folder):
    """Below systemd stderr is the journal, which has syslog's lines."""
    with open(f"{folder}/stream", "wb") as stream:
        status = os.fstat(stream.fileno())
        done = subprocess.run(
            [program("truefrom-milter"), "-c", config(folder, SOCKETS.replace("/m", f"{folder}/none/m"))],
            stderr=stream, timeout=60, check=False,
            env={**os.environ, "TRUEFROM_ALLOW_ROOT": "1", "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert done.returncode == 1
    with open(f"{folder}/stream", encoding="utf-8") as stream:
        assert "fatal: " not in stream.read()


# --- reload ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["policyd", "milter"])
def test_reload_checks_first(name):
    """ExecReload= lines run in their order, and the first that fails ends the reload."""
    with open(f"{TOP}/etc/systemd/truefrom-{name}.service.in", encoding="utf-8") as file:
        lines = re.findall(r"^ExecReload=(.*)$", file.read(), re.M)
    assert lines == [f"@sbindir@/truefrom-{name} -t -c @sysconfdir@/truefrom/truefrom.conf",
                     "/bin/kill -HUP $MAINPID"]


@pytest.mark.parametrize("name", ["policyd", "milter"])
def test_metrics_tell_which_configuration_is_in_use(folder, name):
    endpoint = f"inet:{free_port()}@127.0.0.1"
    path = write_config(folder, **{name: f'MetricsSocket = "{endpoint}";'})
    daemon = Daemon(f"truefrom-{name}", [program(f"truefrom-{name}"), "-c", path], folder, notify=True,
                    env={"TRUEFROM_ALLOW_ROOT": "1"})

    def value(metric):
        return Scrape(endpoint)(metric)

    def reload(expected):
        before = daemon.text().count(expected)
        for _ in range(3):  # libmilter has a thread that waits for signals as well
            daemon.send_signal(signal.SIGHUP)
            with contextlib.suppress(TimeoutError):
                wait_for(lambda: daemon.text().count(expected) > before, expected, 10)
                return
        raise TimeoutError(f"no {expected!r} in:\n" + daemon.text())
    try:
        loaded = value("truefrom_config_loaded_timestamp_seconds")
        assert value("truefrom_config_last_reload_successful") == 1
        assert loaded >= os.stat(path).st_mtime
        with open(path, encoding="utf-8") as file:
            good = file.read()
        config(folder, good + "Nonsense = 1;\n")
        reload("not reloaded")
        assert value("truefrom_config_last_reload_successful") == 0
        assert value("truefrom_config_loaded_timestamp_seconds") == loaded
        config(folder, good)
        assert loaded < os.stat(path).st_mtime
        shown = truefrom("stats", endpoint).stdout
        assert re.search(r"^configuration read \d{4}-\d\d-\d\d [\d:]{8} UTC; the last reload was refused", shown,
                         re.M), shown
        reload(f"reloaded {path}")
        assert value("truefrom_config_last_reload_successful") == 1
        assert value("truefrom_config_loaded_timestamp_seconds") >= os.stat(path).st_mtime
    finally:
        assert daemon.stop() == 0, daemon.text()


# --- an ignore list that can no longer be read ----------------------------------------------------------


@pytest.mark.parametrize("name", ["policyd", "milter"])
def test_an_unreadable_ignore_list_is_logged_without_mail(folder, name):
    """Once a change, within seconds, though nobody asks whether a client is ignored."""
    hosts = f"{folder}/ignore.hosts"
    with open(hosts, "w", encoding="utf-8") as file:
        file.write("192.0.2.1\n")
    path = write_config(folder, top=f'IgnoreHosts = "{hosts}";')
    daemon = Daemon(f"truefrom-{name}", [program(f"truefrom-{name}"), "-c", path], folder, notify=True,
                    env={"TRUEFROM_ALLOW_ROOT": "1"})
    lost = f"warning: {hosts}: No such file or directory; the list in use stays"
    try:
        os.rename(hosts, hosts + ".away")
        wait_for(lambda: lost in daemon.text(), "the loss to be logged", 10)
        os.rename(hosts + ".away", hosts)
        with open(hosts, "a", encoding="utf-8") as file:
            file.write("192.0.2.300\n")
        wait_for(lambda: f"{hosts}:2: " in daemon.text(), "the list to be read again", 10)
        os.rename(hosts, hosts + ".away")
        wait_for(lambda: daemon.text().count(lost) == 2, "the second loss to be logged", 10)
        os.rename(hosts + ".away", hosts)
        wait_for(lambda: daemon.text().count(f"{hosts}:2: ") == 2, "the list to be read again", 10)
        assert daemon.text().count(lost) == 2
    finally:
        assert daemon.stop() == 0, daemon.text()

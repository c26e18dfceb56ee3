"""What stands before a sub-command."""

from tool import truefrom, write_config


def test_help_names_the_options_and_ends_well():
    done = truefrom("-h")
    assert done.returncode == 0 and done.stderr == ""
    for option in ("-c FILE", "-t", "-V", "-h", "COMMAND"):
        assert option in done.stdout


def test_wrong_usage_is_64_with_a_hint_on_stderr():
    for arguments in ([], ["no-such-command"], ["-x"], ["-t", "rest"]):
        done = truefrom(*arguments)
        assert done.returncode == 64, arguments
        assert done.stdout == "" and "truefrom" in done.stderr


def test_version():
    done = truefrom("-V")
    assert done.returncode == 0 and done.stdout.startswith("truefrom ")


def test_a_good_configuration_is_passed_over_in_silence(tmp_path):
    done = truefrom("-c", write_config(tmp_path), "-t")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_bad_configuration_is_told_by_file_and_line(tmp_path):
    path = write_config(tmp_path, top="Nonsense = 1;")
    done = truefrom("-c", path, "-t")
    assert done.returncode == 78
    assert done.stderr.startswith(f"{path}:4: ")


def test_the_configuration_may_be_named_behind_the_command(tmp_path):
    missing = str(tmp_path / "missing.conf")
    for arguments in (["-c", missing, "stats"], ["stats", "-c", missing], ["stats", "--json", "-c", missing]):
        done = truefrom(*arguments)
        assert (done.returncode, missing in done.stderr) == (78, True), (arguments, done)
    assert truefrom("stats", "-c").returncode == 64
    assert truefrom("check", "-c").returncode == 2

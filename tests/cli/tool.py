"""Running the tool, and configurations for it."""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("TRUEFROM_BUILDDIR", TOP)
TIMEOUT = 60


def program(name):
    """The path of one of the programs that are tested."""
    return {"truefrom": f"{BUILD}/cli/truefrom",
            "truefrom-milter": f"{BUILD}/milter/truefrom-milter",
            "truefrom-policyd": f"{BUILD}/policyd/truefrom-policyd"}[name]


def truefrom(*arguments, **options):
    """Run it to its end. Its output is text in .stdout and .stderr, its status .returncode."""
    return subprocess.run([program("truefrom"), *map(str, arguments)], capture_output=True, text=True,
                          stdin=options.pop("stdin", subprocess.DEVNULL), timeout=TIMEOUT, check=False,
                          **options)


def write_config(folder, top="", policyd="", milter=""):
    """A configuration with sockets below `folder` and these further lines; returns its path."""
    path = f"{folder}/truefrom.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'AuthservID = "mx.lab.test";\nLogTarget = "stderr";\n'
                   f'StateDirectory = "{folder}/state";\n{top}\n'
                   f'policyd: {{ Socket = "local:{folder}/policyd.sock"; {policyd} }};\n'
                   f'milter: {{ Socket = "local:{folder}/milter.sock"; {milter} }};\n')
    return path

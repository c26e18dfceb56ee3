"""Tests of the operator's tool, each a run of the real program."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
for folder in (HERE, HERE + "/../e2e", HERE + "/../support"):
    sys.path.insert(0, os.path.abspath(folder))

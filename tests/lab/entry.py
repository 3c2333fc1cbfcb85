#!/usr/bin/python3 -IS
"""The one entry of all five programs: bin/pct, bin/pvesh … are links to it, and the name it is called by picks the table."""
import importlib
import os
import sys

# Nothing may be written into a checkout, and the bytecode has to be kept for calls to be quick.
sys.pycache_prefix = os.environ.get("LAB_CACHE", "/var/cache/homeport-lab") + "/python"
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

PROGRAM = os.path.basename(sys.argv[0])
# As Proxmox's programs do: what the caller's PATH holds must not matter.
os.environ["PATH"] = "/sbin:/bin:/usr/sbin:/usr/bin"

sys.exit(importlib.import_module(f"lab.{PROGRAM}").main(sys.argv[1:]))

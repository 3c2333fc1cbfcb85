"""The network devices of containers as `ip` changes them, and the knob that lets them come late. Never reads a configuration."""
import subprocess

from . import host, netstring
from .errors import Die


def connect_late(found):
    """Keeps a container that has just started off its bridges for $LAB_NET_LAG_S seconds, as a slow DHCP server or switch does."""
    seconds = float(host.knob("LAB_NET_LAG_S", "0"))
    for n, net in netstring.nets(found.now) if seconds else ():
        outside = f"veth{found.vmid}i{n}"
        ip("link", "set", outside, "nomaster")
        later = f'sleep {seconds}; ip link set "$1" master "$2"'
        subprocess.Popen(["sh", "-c", later, "sh", outside, net["bridge"]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)


def ip(*words, before=()):
    """Runs `ip`, with `before` in front of it; raises Die with its complaint."""
    done = subprocess.run([*before, "ip", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode:
        raise Die(f"ip {' '.join(words)}: {done.stdout.strip()}")

#!/usr/bin/python3
"""Puts the lab into a state a test asks for, as another administrator, node or disk would; `scene.py clear` takes it all back.
Never touches a container, except for a lock put on it.

    scene.py store KIND NAME     a storage: thin (snapshots), full, small (64 MiB), no-content, disabled, far (another node's),
                                 gone (cannot be activated), share (NFS, not mounted)
    scene.py cluster [NAME[=offline] …] [quorum=lost]
    scene.py lock ID WORD        the lock of an administrator or a job: backup, snapshot, migrate …
    scene.py clear"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("LAB_ROOT", "/var/lib/homeport-lab")
ETC = f"{ROOT}/etc/pve"
PLACES = f"{ROOT}/scene"
NODE = os.uname().nodename.split(".")[0]


def pvesm(*words):
    """Runs the lab's own program; an error of it ends the script."""
    subprocess.run([f"{HERE}/bin/pvesm", *words], check=True)


def directory(name, *words, content="rootdir,images"):
    """A storage on a directory of its own."""
    os.makedirs(f"{PLACES}/{name}", exist_ok=True)
    pvesm("add", "dir", name, "--path", f"{PLACES}/{name}", "--content", content, *words)


def thin(name):
    """A thin pool, which is a directory here."""
    os.makedirs(f"{ROOT}/thin/pve/{name}", exist_ok=True)
    pvesm("add", "lvmthin", name, "--vgname", "pve", "--thinpool", name, "--content", "rootdir,images")


def small(name):
    """A file system that holds no template's content; images on it are sparse, so allocating still succeeds."""
    directory(name)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "homeport-lab", f"{PLACES}/{name}"], check=True)


def full(name):
    """A file system without a byte to spare."""
    small(name)
    subprocess.run(["sh", "-c", 'cat /dev/zero >"$1" 2>/dev/null || true', "sh", f"{PLACES}/{name}/filling"], check=True)


STORES = {
    "thin": thin, "small": small, "full": full, "no-content": lambda name: directory(name, content="iso"),
    "disabled": lambda name: directory(name, "--disable", "1"), "far": lambda name: directory(name, "--nodes", "elsewhere"),
    "gone": lambda name: directory(name, "--is_mountpoint", "1"),
    "share": lambda name: pvesm("add", "nfs", name, "--server", "192.0.2.9", "--export", "/srv", "--content", "rootdir,images,vztmpl"),
}


def cluster(words):
    """Writes the list of members; each node gets its directories, and this one is always there."""
    nodes = {NODE: 1, **{word.partition("=")[0]: int(not word.endswith("=offline")) for word in words if word != "quorum=lost"}}
    for name in nodes:
        for kind in ("lxc", "qemu-server"):
            os.makedirs(f"{ETC}/nodes/{name}/{kind}", exist_ok=True)
    listed = {name: {"id": n, "online": online, "ip": f"192.0.2.{n}"} for n, (name, online) in enumerate(nodes.items(), 1)}
    quorate = int("quorum=lost" not in words and 2 * sum(nodes.values()) > len(nodes))
    members({"cluster": {"name": "lab", "version": 2, "nodes": len(nodes), "quorate": quorate}, "nodelist": listed})


def members(rest):
    """Writes `.members`."""
    with open(f"{ETC}/.members", "w", encoding="utf-8") as file:
        json.dump({"nodename": NODE, "version": 1, **rest}, file)


def lock(vmid, word):
    """Locks a container's configuration."""
    path = f"{ETC}/lxc/{vmid}.conf"
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith("lock: ")]
    lines.insert(next(n for n, line in enumerate(lines) if not line.startswith("#")), f"lock: {word}\n")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


def clear():
    """Forgets the storages made here, with all they hold, and the other nodes, unless they have guests."""
    with open(f"{ETC}/storage.cfg", encoding="utf-8") as file:
        blocks = file.read().split("\n\n")
    kept = [block for block in blocks if f"{PLACES}/" not in block and not block.startswith(("lvmthin: ", "nfs: "))]
    with open(f"{ETC}/storage.cfg", "w", encoding="utf-8") as file:
        file.write("\n\n".join(kept).rstrip("\n") + "\n")
    for place in [entry.path for entry in os.scandir(PLACES)] if os.path.isdir(PLACES) else []:
        if os.path.ismount(place):
            subprocess.run(["umount", place], check=True)
    subprocess.run(["rm", "-rf", "--one-file-system", PLACES, f"{ROOT}/thin"], check=True)
    members({})
    for name in set(os.listdir(f"{ETC}/nodes")) - {NODE}:
        subprocess.run(["find", f"{ETC}/nodes/{name}", "-depth", "-type", "d", "-empty", "-delete"], check=True)


def main(words):
    """Runs one command and returns the exit status."""
    match words:
        case ["store", kind, name] if kind in STORES:
            STORES[kind](name)
        case ["cluster", *rest]:
            cluster(rest)
        case ["lock", vmid, word]:
            lock(vmid, word)
        case ["clear"]:
            clear()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

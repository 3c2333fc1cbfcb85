#!/usr/bin/python3
"""Runs the table of expectations against the lab that is up, prints one line per call and a total, exits 1 on a mismatch.

    check.py [group …]        groups as in expectations.txt; some need what an earlier one made

Never touches containers other than the three numbers it uses, which must be free."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("LAB_ROOT", "/var/lib/homeport-lab")
CACHE = os.environ.get("LAB_CACHE", "/var/cache/homeport-lab")
NET = os.environ.get("LAB_NET", "10.78.0")
FIRST = int(os.environ.get("LAB_FIRST", "9201"))
# What calls of the table may use besides commands: things a test does to the lab.
FUNCTIONS = r"""
lost() { echo 'system lost_1_amd64.tar.zst 00' >>"$INDEX"; }
bad() { echo 'system bad_1_amd64.tar.zst 00' >>"$INDEX"; echo x >"$MIRROR/bad_1_amd64.tar.zst"; }
noindex() { mv "$MIRROR/index" "$MIRROR/index.away"; }
booted() { for _ in $(seq 60); do
    state=$(pct exec ${1:-$A} -- systemctl is-system-running 2>/dev/null </dev/null); case $state in running|degraded) echo "$state"; return 0;; esac; sleep 0.5
  done; return 1; }
alive() { pct exec $A -- ps axo stat,args </dev/null | grep -v ^Z | grep -c "sleep $1"; true; }
scene() { "$SCENE" "$@"; }
idof() { pct exec $1 -- cat /etc/machine-id; }
killtree() { for c in $(pgrep -P "$1"); do killtree "$c"; done; kill -9 "$1" 2>/dev/null; }
begun() { for _ in $(seq 300); do grep -q 'extracting archive' "$TMP/out" && return 0; sleep 0.01; done; return 1; }
killcreate() { : >"$TMP/out"; pct create $1 $F $STD >"$TMP/out" 2>&1 & begun; killtree $!; wait $! 2>/dev/null; sleep 0.5; }
termcreate() { : >"$TMP/out"; pct create $1 $F $STD >"$TMP/out" & begun; kill $!; wait $!; rc=$?; cat "$TMP/out"; return $rc; }
"""


def environment(directory):
    """The variables of the table."""
    template = next(name for name in sorted(os.listdir(f"{CACHE}/mirror")) if name.startswith("debian-12-standard"))
    store = "local-dir"
    return {
        "PATH": f"{HERE}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root", "LAB_ROOT": ROOT, "LAB_CACHE": CACHE,
        # What somebody left in the file of knobs must not decide.
        "LAB_KNOBS": f"{directory}/knobs",
        "A": str(FIRST), "B": str(FIRST + 1), "C": str(FIRST + 2), "X": str(FIRST + 50), "S": store, "T": "local",
        "F": f"local:vztmpl/{template}", "STD": f"--unprivileged 1 --features nesting=1 --rootfs {store}:2 --cores 1 --memory 512 --swap 128",
        "NODE": os.uname().nodename.split(".")[0], "ETC": f"{ROOT}/etc/pve", "TMP": directory, "ADDR": f"{NET}.201", "GW": f"{NET}.1",
        "BR": os.environ.get("LAB_BRIDGE", "vmbr0"), "INDEX": f"{ROOT}/var/lib/pve-manager/apl-info/index", "MIRROR": f"{CACHE}/mirror",
        "ROUND": f"{ROOT}/run/status.json", "DUMPS": f"{ROOT}/var/lib/vz/dump", "SCENE": f"{HERE}/scene.py",
    }


def table():
    """Yields (group, name, call, rc, stdout, stderr, state) for every line of the table."""
    group = ""
    with open(f"{HERE}/expectations.txt", encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("["):
                group = line.strip("[]")
            elif line and not line.startswith("#"):
                cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)]
                yield (group, *cells)


def shell(line, env):
    """Runs one line of the table and returns (exit status, stdout, stderr). The streams are files, because a process that a
    call leaves behind would hold a pipe open."""
    with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
        done = subprocess.run(["timeout", "120", "bash", "-c", FUNCTIONS + line], env=env, cwd=env["TMP"], stdin=subprocess.DEVNULL,
                              stdout=out, stderr=err, check=False)
        out.seek(0)
        err.seek(0)
        return done.returncode, out.read(), err.read()


def fits(wanted, text, env):
    """Whether a stream is as the table says."""
    if wanted in ("-", "*"):
        return wanted == "*" or not text
    pattern = re.sub(r"\$(\w+)", lambda name: re.escape(env[name[1]]) if name[1] in env else name[0], wanted)
    return re.search(pattern, text.rstrip("\n"), re.M) is not None


def judge(row, env):
    """A list of what is wrong with one call; empty when all is as expected."""
    _, _, call, rc, out, err, state = row
    status, said, complained = shell(call, env)
    wrong = []
    if not (status != 0 if rc == "!0" else status == int(rc)):
        wrong.append(f"exit {status}, expected {rc}")
    for name, wanted, text in (("stdout", out, said), ("stderr", err, complained)):
        if not fits(wanted, text, env):
            wrong.append(f"{name} {text!r}, expected {wanted}")
    if state and shell(state, env)[0] != 0:
        wrong.append(f"afterwards not true: {state}")
    return wrong


def tidy(env):
    """Puts the mirror's index back and removes what the calls left."""
    shell("""[ ! -f "$MIRROR/index.away" ] || mv "$MIRROR/index.away" "$MIRROR/index"; rm -f "$MIRROR/bad_1_amd64.tar.zst"; pveam update
        for id in $A $B $C; do sed -i '/^lock:/d;/^protection:/d' "$ETC/lxc/$id.conf"; pct destroy $id --force; umount /var/lib/lxc/$id/rootfs
        rm -rf "/var/lib/lxc/$id" $DUMPS/vzdump-lxc-$id-*; pvesm free $S:$id/vm-$id-disk-0.raw; done
        for s in gone off far; do pvesm remove $s; done; scene clear""", env)


def traps():
    """[(number, rows)] of traps.md, each row as "group: name"."""
    with open(f"{HERE}/traps.md", encoding="utf-8") as file:
        found = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", file.read(), re.M)
    return [(number, re.findall(r"`([a-z]+: [^`]+)`", rows)) for number, rows in found]


def judge_traps(outcomes):
    """Prints for each trap how many of its rows hold, and returns how many traps have a row that failed, or is not in the table."""
    broken = 0
    for number, rows in traps():
        missing = [row for row in rows if row not in outcomes]
        held = sum(outcomes.get(row, False) for row in rows)
        whole = rows and held == len(rows)
        broken += not whole
        lost = f"; not in the table: {', '.join(missing)}" if missing else ""
        print(f"table: trap {number:>2}: {held} of {len(rows)} rows hold{lost}")
    return broken


def main(groups):
    """Runs the groups and returns the exit status."""
    directory = tempfile.mkdtemp(prefix="homeport-lab-")
    env, failed, outcomes = environment(directory), 0, {}
    try:
        tidy(env)
        for row in table():
            if groups and row[0] not in groups:
                continue
            begun = time.monotonic()
            wrong = judge(row, env)
            outcomes[f"{row[0]}: {row[1]}"] = not wrong
            failed += bool(wrong)
            print(f"{'FAIL' if wrong else 'ok  '} {row[0]:<9} {row[1]:<32} {time.monotonic() - begun:5.1f} s", flush=True)
            for reason in wrong:
                print(f"         {reason}", flush=True)
    finally:
        tidy(env)
        shutil.rmtree(directory)
    if not groups and judge_traps(outcomes):
        failed += 1
        print("FAIL traps.md")
    count = len(outcomes)
    print(f"{count} calls, {count - failed} as on Proxmox VE, {failed} not")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

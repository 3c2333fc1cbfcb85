#!/usr/bin/python3
"""Takes out, one by one, what core does about Proxmox's traps and shows that a test turns red: mutations.toml is the list.

    mutate.py --check       only whether the list fits the code; seconds, part of every test run
    mutate.py [TRAP …]      every mutation (of these traps): builds core in a copy of the tree, some minutes

One line per mutation, `ok` or `FAIL`; exits 1 on a mutation no test notices. Never touches the tree it lies in."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
TRAPS = range(1, 21)
LIMIT_S = 900


def mutations():
    """The list, in its order."""
    with open(f"{HERE}/mutations.toml", "rb") as file:
        return tomllib.load(file)["mutation"]


def pairs(mutation):
    """What is taken and what is put there."""
    return [(part["take"], part["put"]) for part in (mutation, mutation.get("also")) if part]


def unfit(mutation):
    """Why a mutation does not fit the code, or None."""
    with open(f"{TREE}/{mutation['file']}", encoding="utf-8") as file:
        text = file.read()
    for take, _ in pairs(mutation):
        if text.count(take) != 1:
            return f"stands {text.count(take)} times in {mutation['file']}: {take!r}"
    return None if tests(mutation) else f"no test is called {mutation['test']}"


def tests(mutation):
    """Names of the tests that are meant."""
    name = mutation["test"].removeprefix("lab:")
    below = "tests/tests/target" if mutation["test"].startswith("lab:") else "core/src/target/proxmox"
    texts = (open(os.path.join(path, file), encoding="utf-8").read()
             for path, _, files in os.walk(f"{TREE}/{below}") for file in files)
    return [found for text in texts for found in re.findall(r"#\[test\]\s+fn (\w+)", text) if name in found]


def check():
    """Whether the list fits; prints the table and returns the exit status."""
    failed = 0
    listed = mutations()
    for mutation in listed:
        why = unfit(mutation)
        failed += why is not None
        print(f"{'FAIL' if why else 'ok  '} trap {mutation['trap']}: {mutation['name']}{f' – {why}' if why else ''}")
        print(f"table: trap {mutation['trap']:>9}  {mutation['name']:<62} noticed by {mutation['test']}")
    missing = set(TRAPS) - {mutation["trap"] for mutation in listed}
    print(f"{'FAIL' if missing else 'ok  '} every trap has a mutation{f', but {sorted(missing)}' if missing else ''}")
    return 1 if failed or missing else 0


def copy(into):
    """The committed tree, with a build directory that stays between mutations."""
    subprocess.run(["git", "clone", "--quiet", TREE, into], check=True)


def judge(tree, mutation):
    """How one mutation ended: "red", "green", or what else happened."""
    path = f"{tree}/{mutation['file']}"
    with open(path, encoding="utf-8") as file:
        whole = file.read()
    text = whole
    for take, put in pairs(mutation):
        text = text.replace(take, put)
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return run(tree, mutation["test"])
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(whole)


def run(tree, test):
    """Builds, then runs the test. A mutation that does not even compile proves nothing."""
    lab = test.startswith("lab:")
    words = ["-p", "homeport-tests", "--test", "target"] if lab else ["-p", "homeport-core", "--lib"]
    cargo = ["cargo", "test", "--locked", "--quiet", *words]
    env = {key: value for key, value in os.environ.items() if key != "CARGO_TARGET_DIR"}
    built = subprocess.run([*cargo, "--no-run"], cwd=tree, env=env, capture_output=True, text=True, check=False)
    if built.returncode:
        return "does not build: " + built.stderr[-600:]
    try:
        done = subprocess.run([*cargo, test.removeprefix("lab:")], cwd=tree, env=env, capture_output=True, text=True,
                              timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return "red"
    ran = sum(int(count) for count in re.findall(r"^running (\d+) test", done.stdout, re.M))
    return "green" if done.returncode == 0 and ran else "red" if ran else "ran no test: " + done.stderr[-600:]


def main(traps):
    """Every mutation of these traps, or of all; returns the exit status."""
    tree, failed = tempfile.mkdtemp(prefix="homeport-mutations-"), 0
    try:
        copy(tree)
        for mutation in mutations():
            if traps and str(mutation["trap"]) not in traps:
                continue
            ended = judge(tree, mutation)
            failed += ended != "red"
            print(f"{'ok  ' if ended == 'red' else 'FAIL'} trap {mutation['trap']}: {mutation['name']}: "
                  f"{mutation['test']} turns {ended}", flush=True)
    finally:
        shutil.rmtree(tree)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else main(sys.argv[1:]))

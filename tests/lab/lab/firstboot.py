"""What a container gets once, when it is made: identity, password, keys. Never starts it."""
import os
import re
import shutil
import subprocess
import tempfile
import time

from . import guestfiles, host
from .errors import Die

KEY_TYPES = ("rsa", "ecdsa", "ed25519")


def set_up(root, values, secrets, host_dns):
    """Finishes a freshly unpacked root. `secrets` may hold "password" and "keys" (text of public keys)."""
    unprivileged = bool(values.get("unprivileged"))
    hostkeys = _host_keys(values) if os.path.isdir(f"{root}/etc/ssh") else {}
    crypted = _crypt(secrets.get("password"))

    def write():
        forget_machine_id()
        _set_root_password(crypted)
        if secrets.get("keys"):
            _authorize(secrets["keys"])
        for name, content in hostkeys.items():
            _write(f"/etc/ssh/{name}", content, 0o644 if name.endswith(".pub") else 0o600)
        guestfiles.at_start(values, host_dns)
    guestfiles.inside(root, unprivileged, write)


def forget_machine_id():
    """Empties the machine-id, so that the next boot makes one; systemd would take D-Bus's, unless that is a link to its own."""
    bus = "/var/lib/dbus/machine-id"
    if os.path.isfile(bus) and not os.path.islink(bus):
        os.unlink(bus)
    _write("/etc/machine-id", "", 0o444)


def _write(path, text, mode):
    if os.path.lexists(path):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)


def _host_keys(values):
    """New host keys as {file name: text}, made side by side because RSA takes its time."""
    short = values["hostname"].split(".")[0] if values.get("named") else "localhost"
    directory = tempfile.mkdtemp(prefix="keys-", dir=host.RUN)
    try:
        running = [(kind, _keygen(kind, short, directory)) for kind in KEY_TYPES]
        for kind, process in running:
            print(f"Creating SSH host key 'ssh_host_{kind}_key' - this may take some time ...", flush=True)
            said = process.communicate()[0]
            print("done: " + re.search(r"SHA256:.*", said)[0], flush=True)
        return {name: _read(f"{directory}/{name}") for name in os.listdir(directory)}
    finally:
        shutil.rmtree(directory)


def _keygen(kind, short, directory):
    argv = ["ssh-keygen", "-t", kind, "-N", "", "-C", f"root@{short}", "-f", f"{directory}/ssh_host_{kind}_key"]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def _crypt(password):
    """The password's hash; a given hash is taken as it is, none locks the account."""
    if password is None:
        return "*"
    if re.match(r"\$[56]\$", password):
        return password
    done = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def _set_root_password(crypted):
    shadow = _read("/etc/shadow")
    today = int(time.time() // 86400)
    with open("/etc/shadow", "w", encoding="utf-8") as file:
        file.write(re.sub(r"^root:[^:]*:[^:]*:", lambda _: f"root:{crypted}:{today}:", shadow, flags=re.M))


def _authorize(keys):
    os.makedirs("/root/.ssh", mode=0o700, exist_ok=True)
    _write("/root/.ssh/authorized_keys", guestfiles.BEGIN + keys.rstrip() + "\n" + guestfiles.END, 0o700)


def check_keys(text):
    """Raises Die unless every line is a public key."""
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        done = subprocess.run(["ssh-keygen", "-l", "-f", "-"], input=line, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Die("SSH public key validation error")

"""The lock a running job leaves in a container's configuration for other programs to see. Never waits for one to go."""
import contextlib

from . import config, locks


@contextlib.contextmanager
def put(vmid, word):
    """Locks a configuration that is not locked; the block gets it and may refuse or change it."""
    with locks.guest(vmid):
        found = config.load(vmid, 255)
        found.check_lock()
        yield found
        found.now["lock"] = word
        config.save(found)


def lift(vmid, change=None):
    """Takes the lock off a configuration, if it is there, and makes a change along with it."""
    with locks.guest(vmid):
        found = config.load(vmid, 255)
        if found.now.pop("lock", None) or change:
            if change:
                change(found)
            config.save(found)

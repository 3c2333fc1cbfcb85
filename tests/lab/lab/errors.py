"""What can go wrong with a call, in the forms Proxmox prints. Never prints."""


class Die(Exception):
    """A call that ends with one message on stderr. `rc` is what Perl's errno happened to be there, as seen on the real code."""

    def __init__(self, message, rc=255):
        super().__init__(message)
        self.rc = rc


class BadCall(Exception):
    """The arguments cannot be understood: `400 <message>` and the usage line."""


class BadParameters(Exception):
    """Arguments were understood and refused: the `400 Parameter verification failed.` block, one line per field.

    `fields` maps a field to its reason; a reason that ends in a newline leaves a blank line behind, as it does there."""

    def __init__(self, fields, rc=255):
        super().__init__(fields)
        self.fields = fields
        self.rc = rc


def missing_config(vmid, node, rc=2):
    """The error for a container that does not exist on this node."""
    return Die(f"Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist", rc)

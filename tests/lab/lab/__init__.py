"""A Proxmox VE 8 node as its command line shows it, on a plain Debian machine with LXC. Never part of the product."""

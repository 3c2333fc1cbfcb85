"""The API paths the lab answers, as a table of method, path, options and function. Never prints results."""
import re

from . import cluster, config, guests, host, lifecycle, netinfo, nodeinfo, options, resources, setconf, storage, tasks, volumes
from .errors import BadParameters, Die
from .options import STORAGE, VMID, boolean, integer, text


class Route:
    """One path: `{node}`, `{vmid}`, `{store}`, `{upid}` are its variables; `run` takes all values as a dict."""

    def __init__(self, method, path, run, **accepted):
        self.method, self.run = method, run
        self.variables = {name: PATH_PARTS[name] for name in re.findall(r"\{(\w+)\}", path)}
        self.pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
        self.options = {name.replace("_", "-"): spec for name, spec in accepted.items()}


PATH_PARTS = {"node": text(), "vmid": VMID, "store": STORAGE, "upid": text()}


def find(method, path):
    """(route, variables as given); raises Die as pvesh does for a path nobody handles."""
    path = "/" + path.strip("/")
    for route in ROUTES:
        found = route.pattern.fullmatch(path)
        if found and route.method == method:
            return route, found.groupdict()
    raise Die(f"No '{method}' handler defined for '{path}'", 1)


def check_node(values):
    """Refuses nodes the lab has not; another node's calls would be passed on by SSH."""
    node = values.get("node", host.NODE)
    if node not in (host.NODE, "localhost"):
        raise Die(f"hostname lookup '{node}' failed - failed to get address info for: {node}: Name or service not known")


def _next_id(values):
    taken = config.cluster_ids()
    if "vmid" in values:
        if values["vmid"] in taken:
            raise BadParameters({"vmid": f"VM {values['vmid']} already exists"})
        return str(values["vmid"])
    return str(next(vmid for vmid in range(100, 1000000) if vmid not in taken))


def _config(values):
    found = config.load(values["vmid"])
    shown = found.now if values.get("current") else found.effective()
    raw = {"lxc": [list(pair) for pair in found.raw]} if found.raw else {}
    return {**shown, **raw, "digest": found.digest}


def _set_config(values):
    setconf.change({key: value for key, value in values.items() if key != "node"})


def _current(values):
    return {**guests.details(values["vmid"]), "ha": {"managed": 0}}


def _index(_values):
    found = [guests.details(vmid) for vmid in config.own_ids()]
    return [{**entry, "vmid": str(entry["vmid"])} for entry in found] if host.MAJOR < 8 else found


def _content(values):
    return volumes.listed(storage.usable(values["store"]), values.get("content"), values.get("vmid"))


def _tasks(values):
    found = [task for task in tasks.finished() if values.get("typefilter", task["type"]) == task["type"]
             and str(values.get("vmid", task["id"])) == task["id"]]
    return found[values.get("start", 0):][:values.get("limit", 50)]


def _task_log(values):
    with open(tasks.log_path(values["upid"]), encoding="utf-8", errors="replace") as log:
        return [{"n": n, "t": line.rstrip("\n")} for n, line in enumerate(log, 1)]


def _task_status(values):
    for task in tasks.finished():
        if task["upid"] == values["upid"]:
            return {**task, "exitstatus": task["status"], "status": "stopped"}
    raise Die("no such task")


def _start(values):
    lifecycle.refuse_running(values["vmid"])
    return tasks.run_lenient("vzstart", values["vmid"], lambda: lifecycle.start_now(values["vmid"])).upid


def _stop(values):
    lifecycle.refuse_stopped(values["vmid"])
    return tasks.run_lenient("vzstop", values["vmid"], lambda: lifecycle.stop_now(values["vmid"])).upid


def _shutdown(values):
    lifecycle.refuse_stopped(values["vmid"])
    return tasks.run_lenient("vzshutdown", values["vmid"], lambda: lifecycle.shutdown_now(
        values["vmid"], values.get("timeout", 60), values.get("forceStop"))).upid


LXC = "/nodes/{node}/lxc"
GUEST = LXC + "/{vmid}"
STORE = "/nodes/{node}/storage"
ROUTES = [
    Route("get", "/version", lambda _: nodeinfo.version()),
    Route("get", "/cluster/nextid", _next_id, vmid={**VMID, "required": False}),
    Route("get", "/cluster/status", lambda _: cluster.status()),
    Route("get", "/cluster/resources", lambda values: resources.all_of(values.get("type")),
          type=text(enum=("vm", "storage", "node", "sdn"))),
    Route("get", "/nodes", lambda _: [nodeinfo.summary()]),
    Route("get", "/nodes/{node}/status", lambda _: nodeinfo.status()),
    Route("get", "/nodes/{node}/dns", lambda _: nodeinfo.dns()),
    Route("get", "/nodes/{node}/network", lambda values: netinfo.host_interfaces(values.get("type")), type=text()),
    Route("get", "/nodes/{node}/tasks", _tasks, limit=integer(0), start=integer(0), typefilter=text(), vmid={**VMID, "required": False}),
    Route("get", "/nodes/{node}/tasks/{upid}/log", _task_log),
    Route("get", "/nodes/{node}/tasks/{upid}/status", _task_status),
    Route("get", LXC, _index),
    Route("get", GUEST + "/config", _config, current=boolean()),
    Route("set", GUEST + "/config", _set_config, **options.SET),
    Route("get", GUEST + "/status/current", _current),
    Route("create", GUEST + "/status/start", _start),
    Route("create", GUEST + "/status/stop", _stop),
    Route("create", GUEST + "/status/shutdown", _shutdown, timeout=integer(0), forceStop=boolean()),
    Route("get", STORE, resources.store_list, content=text(format="content"), enabled=boolean(), storage=STORAGE),
    Route("get", STORE + "/{store}/status", lambda values: resources.store_status(storage.get(values["store"]))),
    Route("get", STORE + "/{store}/content", _content, content=text(format="content"), vmid={**VMID, "required": False}),
]
if host.MAJOR >= 8:
    ROUTES.append(Route("get", GUEST + "/interfaces", lambda values: netinfo.guest_interfaces(values["vmid"])))

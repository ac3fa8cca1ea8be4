"""One Kubernetes node in a network namespace of its own: its programs run as our children and end with us.

Nothing of the machine's own network is changed but a pair of interfaces, over which the server is reached. Needs root,
Linux, Docker (images come from it) and Debian's etcd-server, containerd, runc, containernetworking-plugins, ipset and
iptables.
"""

import ipaddress
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from services.embedded.processes import Supervisor
from tests.cluster.build import program
from tests.parts.certificates import Authority

STATE: Final = Path("/var/tmp/pathway-node")  # noqa: S108  root's, and what is in it is worth nothing
SOCKET: Final = Path("/run/pathway-node/containerd.sock")
NAMESPACE: Final = "pathway-node"
HERE: Final = "10.201.0.1"
NODE: Final = "10.201.0.2"
SERVICES: Final = "10.96.0.0/16"
SERVER: Final = "10.96.0.1"
NAMES: Final = "10.96.0.10"
PODS: Final = "10.244.0.0/24"
PAUSE: Final = "node/pause:dev"
NEEDED: Final = ("docker", "kubectl", "etcd", "containerd", "ctr", "runc", "ip", "iptables", "ipset", "nsenter", "go")


class Node:
    """What runs."""

    def __init__(self, processes: Supervisor) -> None:
        self.processes = processes
        self.kubeconfig = STATE / "kubeconfig"

    def kubectl(self, *words: str, stdin: str = "") -> str:
        """Run kubectl as the cluster's administrator; return what it printed."""
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), *words]
        return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, text=True, check=True).stdout

    def apply(self, documents: list[dict[str, Any]]) -> None:
        """Apply what is given as documents."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(documents))

    def load(self, image: str) -> None:
        """Take an image of Docker's into the node, unless it has that very one."""
        told = subprocess.check_output(["docker", "image", "inspect", "--format", "{{.Id}}", image], text=True).strip()
        known = STATE / "images.json"
        loaded = json.loads(known.read_text()) if known.exists() else {}
        if loaded.get(image) != told:
            save = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
            ctr("images", "import", "-", stdin=save.stdout)
            save.wait()
            known.write_text(json.dumps({**loaded, image: told}))


def ctr(*words: str, stdin: Any = subprocess.DEVNULL) -> str:
    """Ask the node's containerd."""
    command = ["ctr", "--address", str(SOCKET), "--namespace", "k8s.io", *words]
    return subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, text=True, check=True).stdout


def missing() -> list[str]:
    """Return what a node needs and is not here."""
    found = [name for name in NEEDED if shutil.which(name) is None]
    if not Path("/usr/lib/cni/ptp").exists():
        found.append("CNI's ptp")
    return found if os.geteuid() == 0 else [*found, "root"]


@contextmanager
def node() -> Iterator[Node]:
    """Start the node; when the block is left, take away all but the images that it has loaded."""
    for name in ("kubernetes", "coredns", "kube-router", "cnpg", "pause"):
        program(name)
    _clean()
    STATE.mkdir(exist_ok=True)
    _network()
    try:
        with Supervisor(STATE / "log") as processes:
            opened = Node(processes)
            _control_plane(opened)
            _machine(opened)
            yield opened
            opened.kubectl("delete", "namespace", "pathway", "--ignore-not-found", "--wait=false")
    finally:
        _clean()


def _network() -> None:
    inside = ["ip", "-n", NAMESPACE]
    for words in (
        ["ip", "netns", "add", NAMESPACE],
        ["ip", "link", "add", "pathway-node", "type", "veth", "peer", "name", "eth0", "netns", NAMESPACE],
        ["ip", "address", "add", f"{HERE}/30", "dev", "pathway-node"],
        ["ip", "link", "set", "pathway-node", "up"],
        [*inside, "address", "add", f"{NODE}/30", "dev", "eth0"],
        [*inside, "link", "set", "eth0", "up"],
        [*inside, "link", "set", "lo", "up"],
        [*inside, "route", "add", "default", "via", HERE],
        [*entered(), "sysctl", "-qw", "net.ipv4.ip_forward=1"],
    ):
        subprocess.run(words, check=True)


def entered() -> list[str]:
    """What puts a command into the node's network."""
    return ["nsenter", f"--net=/run/netns/{NAMESPACE}"]


def _control_plane(opened: Node) -> None:
    keys = STATE / "keys"
    keys.mkdir()
    authority = Authority(keys)
    shown = authority.issue("server", NODE, SERVER, "127.0.0.1", "kubernetes.default.svc")
    accounts = authority.issue("accounts")
    token = os.urandom(16).hex()
    (keys / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    opened.kubeconfig.write_text(json.dumps(_kubeconfig(authority.file, token)))
    opened.kubeconfig.chmod(0o600)
    _start(
        opened, "etcd", "--data-dir", STATE / "etcd", "--listen-client-urls", "http://127.0.0.1:2379",
        "--advertise-client-urls", "http://127.0.0.1:2379", "--listen-peer-urls", "http://127.0.0.1:2380",
        "--unsafe-no-fsync", "--log-level", "warn",
    )  # fmt: skip
    server = _start(
        opened, "kube-apiserver", "--etcd-servers", "http://127.0.0.1:2379", "--advertise-address", NODE,
        "--tls-cert-file", shown.certificate, "--tls-private-key-file", shown.key, "--token-auth-file",
        keys / "tokens.csv", "--authorization-mode", "Node,RBAC", "--service-account-issuer",
        "https://kubernetes.default.svc", "--service-account-key-file", accounts.certificate,
        "--service-account-signing-key-file", accounts.key,
        "--service-cluster-ip-range", SERVICES, "--kubelet-preferred-address-types", "InternalIP", "--allow-privileged",
        "--cert-dir", keys / "server",
    )  # fmt: skip
    ready = ["kubectl", "--kubeconfig", str(opened.kubeconfig), "get", "--raw", "/readyz"]
    server.wait_until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, 90.0)
    as_admin = ("--kubeconfig", opened.kubeconfig, "--leader-elect=false", "--cert-dir")
    _start(
        opened, "kube-controller-manager", *as_admin, keys / "controllers", "--use-service-account-credentials",
        "--service-account-private-key-file", accounts.key, "--root-ca-file", authority.file,
    )  # fmt: skip
    _start(opened, "kube-scheduler", *as_admin, keys / "scheduler")


def _kubeconfig(authority: Path, token: str) -> dict[str, Any]:
    cluster = {"server": f"https://{NODE}:6443", "certificate-authority": str(authority)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "node", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "pathway-node", "context": {"cluster": "node", "user": "admin"}}],
        "current-context": "pathway-node",
    }


def _machine(opened: Node) -> None:
    """Containers, the kubelet, the addresses of Services and the NetworkPolicies."""
    plugins = STATE / "plugins"
    plugins.mkdir()
    ipam = {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}
    # routed and not bridged: what goes from pod to pod passes the node's rules
    network = {"type": "ptp", "mtu": 1500, "ipam": {**ipam, "dataDir": str(STATE / "addresses")}}
    (plugins / "10-node.conflist").write_text(json.dumps({"cniVersion": "0.4.0", "name": "node", "plugins": [network]}))
    (STATE / "containerd.toml").write_text(
        f"""version = 2
root = "{STATE}/containers"
state = "{SOCKET.parent}"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{plugins}"
"""
    )
    containers = _start(opened, "containerd", "--config", STATE / "containerd.toml")
    containers.wait_until(SOCKET.exists)
    built = STATE / "pause"
    built.mkdir()
    shutil.copy(program("pause"), built / "pause")
    image(PAUSE, built, 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
    opened.load(PAUSE)
    (STATE / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    (STATE / "kubelet.yaml").write_text(yaml.safe_dump(_kubelet()))
    who = ("--kubeconfig", opened.kubeconfig, "--hostname-override", "node")
    _start(
        opened, "kubelet", *who, "--config", STATE / "kubelet.yaml", "--root-dir", STATE / "pods", "--node-ip", NODE,
        "--cert-dir", STATE / "keys" / "kubelet",
    )  # fmt: skip
    _start(
        opened, "kube-proxy", *who, "--proxy-mode", "iptables", "--conntrack-max-per-core", "0",
        "--conntrack-tcp-timeout-established", "0s", "--conntrack-tcp-timeout-close-wait", "0s",
        "--cluster-cidr", str(ipaddress.ip_network(PODS)), "--oom-score-adj", "0",
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while "Ready" not in opened.kubectl("get", "nodes", "--no-headers").split():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the node is not ready; see {STATE}/log")
        time.sleep(0.2)
    opened.processes.start(
        "kube-router",
        [*entered(), str(program("kube-router")), "--kubeconfig", str(opened.kubeconfig), "--hostname-override=node",
         "--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--service-cluster-ip-range",
         SERVICES],
    )  # fmt: skip


def _kubelet() -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},  # nobody but this machine reaches it
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": "/",
        "failSwapOn": False,
        "clusterDNS": [NAMES],
        "clusterDomain": "cluster.local",
        "resolvConf": str(STATE / "resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "enforceNodeAllocatable": [],
        "oomScoreAdj": 0,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi"},
    }


def image(name: str, folder: Path, dockerfile: str) -> None:
    """Build an image of a folder."""
    (folder / "Dockerfile").write_text(dockerfile)
    subprocess.run(["docker", "build", "--quiet", "--tag", name, str(folder)], check=True, stdout=subprocess.DEVNULL)


def _start(opened: Node, name: str, *words: str | Path) -> Any:
    """Start one of the node's programs in its network."""
    path = shutil.which(name)
    if name.startswith("kube"):
        link = STATE / "programs" / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(program("kubernetes"))
        path = str(link)
    return opened.processes.start(name, [*entered(), str(path), *map(str, words)])


def _clean() -> None:
    """End what is left of containers, take mounts and the network away, and all files but the images."""
    for shim in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told = shim.read_bytes()
        except OSError:
            continue
        if b"containerd-shim" in told and str(SOCKET).encode() in told:
            _end_with_children(int(shim.parent.name))
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        where = line.split()[1]
        if where.startswith((f"{STATE}/", f"{SOCKET.parent}/")):
            subprocess.run(["umount", "--lazy", where], check=False)
    for words in (["netns", "delete", NAMESPACE], ["link", "delete", "pathway-node"]):
        subprocess.run(["ip", *words], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(SOCKET.parent, ignore_errors=True)
    for path in STATE.glob("*"):
        if path.name in {"containers", "images.json"}:
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _end_with_children(pid: int) -> None:
    for number in (pid, *_below(pid)):
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _below(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *_below(child)]
    return found

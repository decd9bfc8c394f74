"""Two network namespaces with a cable of limited speed between them; needs root on Linux."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

DEVICE = "cable"


@contextmanager
def two_hosts(rate: str) -> Iterator[list[str]]:
    """Yield the names of two namespaces; `rate` is that of their cable, as tc writes it."""
    hosts = [f"sdae-{os.getpid()}-{number}" for number in range(2)]
    try:
        for host in hosts:
            _ip("netns", "add", host)
        first, second = hosts
        ends = ["netns", first, "type", "veth", "peer", "name", DEVICE, "netns", second]
        _ip("link", "add", DEVICE, *ends)
        for number, host in enumerate(hosts):
            _ip("-n", host, "addr", "add", f"10.77.0.{number + 1}/24", "dev", DEVICE)
            for device in (DEVICE, "lo"):
                _ip("-n", host, "link", "set", device, "up")
            limit = ["rate", rate, "burst", "256kb", "latency", "100ms"]
            _run("tc", "-n", host, "qdisc", "add", "dev", DEVICE, "root", "tbf", *limit)
        yield hosts
    finally:
        for host in hosts:
            subprocess.run(["ip", "netns", "del", host], check=False, capture_output=True)


def inside(host: str | None) -> list[str]:
    """Return the words that start a program in a namespace; none for this one."""
    return [] if host is None else ["ip", "netns", "exec", host]


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*words: str) -> None:
    subprocess.run(words, check=True)

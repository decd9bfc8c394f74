"""A cable between two network namespaces, in user space: it delays packets, and can be cut.

``python -m tests.train.processes.cable PID PID SECONDS`` gives the namespace of each process a
device ``wire``, and passes packets between them after some seconds. It says ``ready``; after a line
of input it passes nothing any more, and says ``cut``. It ends with its input, and then says how
many bytes it has passed.
"""

import ctypes
import fcntl
import heapq
import os
import select
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

DEVICE = "wire"
_SET_NAME, _TUN, _NO_HEADER, _NETWORK = 0x400454CA, 0x0001, 0x1000, 0x40000000  # of Linux
_MOST_BYTES = 1 << 16


def device_in(pid: int) -> int:
    """Return an open device in the namespace of a process; this process moves there."""
    with open(f"/proc/{pid}/ns/net") as namespace:  # noqa: PTH123 - a descriptor is needed
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _NETWORK) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace of process {pid}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _SET_NAME, struct.pack("16sH22x", DEVICE.encode(), _TUN | _NO_HEADER))
    return device


def packets_of(device: int) -> Iterator[bytes]:
    """Yield the packets that are there."""
    with suppress(BlockingIOError):
        while True:
            yield os.read(device, _MOST_BYTES)


def main(pids: list[int], delay: float) -> None:
    """Pass packets until the input ends."""
    one, other = (device_in(pid) for pid in pids)
    opposite = {one: other, other: one}
    under_way: list[tuple[float, int, int, bytes]] = []  # due, number, goal, packet
    numbers = count()
    n_bytes, is_cut = 0, False
    print("ready", flush=True)
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        there, _, _ = select.select([one, other, sys.stdin.fileno()], [], [], wait)
        now = time.monotonic()
        for device in there:
            if device in opposite:
                for packet in packets_of(device):
                    entry = (now + delay, next(numbers), opposite[device], packet)
                    heapq.heappush(under_way, entry)
            elif os.read(device, 80):
                is_cut = True
                print("cut", flush=True)
            else:
                print(n_bytes, flush=True)
                return
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, goal, packet = heapq.heappop(under_way)
            with suppress(OSError):  # the device is not up yet, or takes no more
                n_bytes += 0 if is_cut else os.write(goal, packet)


if __name__ == "__main__":
    main([int(pid) for pid in sys.argv[1:3]], float(sys.argv[3]))

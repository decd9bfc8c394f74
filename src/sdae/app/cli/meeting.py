"""How the processes of one attempt find each other, in a store that outlives attempts.

torchrun's store keeps what processes wrote that have ended: a new one must not take their word. Nor
can the number of the restart keep attempts apart: each machine counts its own. So every process
shows a sign that nobody had before. The first one collects the signs and offers a name for the
attempt; who finds its own sign in the offer agrees. If a sign changes, there is another offer.
"""

import json
import secrets
import time
from typing import Any

_SIGN, _OFFER, _AGREED, _BEGUN = "sdae-sign-{}", "sdae-offer", "{}-agreed-{}", "{}-begun"
_PAUSE = 0.05  # seconds


def meet(store: Any, rank: int, size: int, seconds: float) -> str:
    """Return a name that all processes agree on, and that no earlier attempt had.

    Raises
    ------
    TimeoutError
        If not all of them come within the time.
    RuntimeError
        If the store cannot be reached.
    """
    until = time.monotonic() + seconds
    name = _led(store, size, until) if rank == 0 else _followed(store, rank, until)
    if name is None:
        raise TimeoutError(f"they did not come within {round(seconds / 60)} minutes")
    return name


def _led(store: Any, size: int, until: float) -> str | None:
    """Offer a name until all agree; return it."""
    others = range(1, size)
    wanted = [_SIGN.format(rank) for rank in others]
    name, offered = "", None
    while time.monotonic() < until:
        signs = [_text(store, key) for key in wanted] if store.check(wanted) else None
        if signs != offered:
            name, offered = secrets.token_hex(8), signs
            store.set(_OFFER, json.dumps([name, signs]))
        elif signs is not None and store.check([_AGREED.format(name, rank) for rank in others]):
            store.set(_BEGUN.format(name), "")
            return name
        time.sleep(_PAUSE)
    return None


def _followed(store: Any, rank: int, until: float) -> str | None:
    """Agree to what the first process offers, until it begins; return the name."""
    sign = secrets.token_hex(8)
    store.set(_SIGN.format(rank), sign)
    agreed = ""
    while time.monotonic() < until:
        if store.check([_OFFER]):
            name, signs = json.loads(_text(store, _OFFER))
            if name != agreed and signs[rank - 1 : rank] == [sign]:
                store.set(_AGREED.format(name, rank), "")
                agreed = name
        if agreed and store.check([_BEGUN.format(agreed)]):
            return agreed
        time.sleep(_PAUSE)
    return None


def _text(store: Any, key: str) -> str:
    return str(store.get(key), "utf-8")

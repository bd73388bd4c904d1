"""EDGE. How a worker looks for garbage."""

import gc


def collect_rarely() -> None:
    """Look for cyclic garbage seldom: next to none is made here, and in a flood of parts the looking took a third of
    what the core does. To be called once, when all is built that stays.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)

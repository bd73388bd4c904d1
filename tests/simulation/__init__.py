"""The whole path in one thread on a clock of its own: seeded faults, real code, and an oracle outside it.

`python -m tests.simulation --runs 1000 --seed 7` runs a thousand stories; the seed of a run makes it happen again.
"""

"""Platforms on this machine, as true to their wires as the recorded shapes, that can also misbehave."""

"""EDGE. The outbox and the ways to a human."""

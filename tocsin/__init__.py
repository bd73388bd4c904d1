"""Tocsin puts the parts together: the engine, the journal, the runners and the command line."""

__version__ = "0.1.0"

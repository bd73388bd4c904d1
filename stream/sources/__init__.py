"""EDGE. Where mentions come from: one file a source, one contract."""

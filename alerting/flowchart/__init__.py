"""The crisis flowchart: read, checked, walked and drawn."""

"""EDGE. The web page of a deployment: it reads what is there, and turns what is pressed into entries."""

"""From a pulse to a signal. Pure: no clock, no file, no network."""

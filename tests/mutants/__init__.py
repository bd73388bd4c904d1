"""Deliberate bugs, each with the test that must find it: a folder of mutants, and what runs them.

A mutant is a file `FOLDER/NAME.toml`:

    file = "alerting/delivery/outbox.py"
    why = "what would go wrong at night"
    find = '''the line as it is, there exactly once'''
    replace = '''the line with the bug'''
    test = "tests/alerting/test_outbox.py::test_name"

`python -m tests.mutants` runs each in a process of its own and fails where one survives: where the test passes, or
fails by anything else than an assertion of its own. A mutant whose line is gone fails too: then it has to be written
anew.
"""

"""The command line: one small file per command, and `main.py`, which gives them one way to fail.

Commands hold no image code, and import what they need inside, so that `granum --help` stays fast.
"""

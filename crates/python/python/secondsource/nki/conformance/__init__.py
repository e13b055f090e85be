"""Runs the kernels and tests of a public suite, from a checkout that the user names, and counts what passes."""

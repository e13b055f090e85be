"""The vendor's names mean this package in the tests."""

from secondsource.nki import _alias

_alias.install()

"""Exported programs, compiled and run against a server on this machine."""

"""Faults: processes that are killed, storage that fails, clocks that jump, servers that are away for days."""

"""How fast it is, as ratios against limits measured in the same run: `python -m benchmarks`, or `make bench`.

Each limit is a small program that does the least that the task needs at all. Rounds of the limit and of fedblog take
turns, so that noise of the machine falls on both. The load comes from another process than the server's.
"""

"""Benchmarks: the cases, the method of timing, and the contenders."""

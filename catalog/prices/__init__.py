"""Prices: the port, the sources behind it, and the chain that asks one after the other. calls.py alone speaks HTTP."""

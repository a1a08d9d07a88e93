"""The fault drill: a private platform under load, faults injected on a seeded schedule, and a count of what was lost."""

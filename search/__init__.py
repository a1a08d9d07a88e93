"""Search: the index port, its engines, and what all of them share: analysis, queries, snippets."""

"""Reference data: parts, colors, elements, id maps; the resolver that reads them; prices. Pure but for local files."""

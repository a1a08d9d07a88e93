"""What becomes of a document's pages: Markdown, chunks for search, what they are about, tables that go on as parts lists."""

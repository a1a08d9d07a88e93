"""How a file is read: one file per format family; pure, a local path in, records and issues out."""

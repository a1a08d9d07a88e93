"""The words and the rules of the platform: jobs, steps, pipelines, outcomes. No I/O happens here."""

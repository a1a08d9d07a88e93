"""What the ledger refuses or cannot do.

HeavyliftError
├── LedgerUnavailable     the database does not answer; the caller may try again
├── NewerSchema           the database was migrated by a newer release
├── JobNotFound           no such job of that owner
├── ArtifactNotFound      the job has no artifact of that name
├── LetterNotFound        no such dead letter of that owner
├── RunNotFound           no such reconciliation run
└── IdempotencyMismatch   the key was used before for another request
"""

from jobs.errors import HeavyliftError


class LedgerUnavailable(HeavyliftError):
    """The database does not answer, or not in time; nothing was changed."""


class NewerSchema(HeavyliftError):
    """The tables belong to a newer release than this one; the message says what to do."""


class JobNotFound(HeavyliftError):
    """The owner has no job of that id."""


class ArtifactNotFound(HeavyliftError):
    """The job has no artifact of that name."""


class LetterNotFound(HeavyliftError):
    """The owner has no dead letter of that id."""


class RunNotFound(HeavyliftError):
    """There is no reconciliation run of that id."""


class IdempotencyMismatch(HeavyliftError):
    """The idempotency key was used before with another file or other options."""

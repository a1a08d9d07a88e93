"""What the ledger refuses or cannot do.

HeavyliftError
├── LedgerUnavailable     the database does not answer; the caller may try again
├── NewerSchema           the database was migrated by a newer release
├── JobNotFound           no such job of that owner
├── ArtifactNotFound      the job has no artifact of that name
├── LetterNotFound        no such dead letter of that owner
├── RunNotFound           no such reconciliation run
├── CorrectionNotFound    no such correction of that owner
├── MappingNotFound       no column mapping of that name
├── JobInUse              the job holds a catalog that is in force or kept
├── TooMany               an owner has as many of these as there may be
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


class CorrectionNotFound(HeavyliftError):
    """The owner has no correction of that id."""


class MappingNotFound(HeavyliftError):
    """The owner has no column mapping of that name."""


class JobInUse(HeavyliftError):
    """The job holds a catalog that is in force or kept; a later import sets it free."""


class TooMany(HeavyliftError):
    """The owner has as many of these as there may be; the message says how many."""


class IdempotencyMismatch(HeavyliftError):
    """The idempotency key was used before with another file or other options."""

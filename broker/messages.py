"""What a message of ours says: which step run is to be claimed, and under which dispatch number."""

from dataclasses import dataclass

from jobs.ids import is_id
from jobs.model import StepKey

_LARGEST = 2**31 - 1  # of a column that holds such a number
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMessage:
    """Ids, nothing else: bytes never travel through the broker."""

    job_id: str
    key: StepKey
    dispatch: int

    @classmethod
    def read(cls, args: object) -> "StepMessage | None":
        """The message with these task arguments; None where they are of another shape.

        A newer release may add arguments; those that we do not know are left aside.
        """
        match args:
            case [str() as job_id, str() as step, int() as part, int() as dispatch, *_]:
                numbers_fit = 0 <= part <= _LARGEST and 0 <= dispatch <= _LARGEST
                if is_id(job_id) and 0 < len(step) <= _LONGEST_NAME and numbers_fit:
                    return cls(job_id=job_id, key=StepKey(step, part), dispatch=dispatch)
        return None

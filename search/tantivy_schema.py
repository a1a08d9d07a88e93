"""What a document of the tantivy index is made of: one for each job, one for each of its places.

Everything that a question can narrow down by is in every document, so that an answer needs no join. Words come folded
from `search.entries`, parted by spaces; tantivy's own `whitespace` tokenizer, which every process has, parts them again.
A change here, or in the analysis, raises `tantivy_folder.FORMAT`.
"""

import functools
import math
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

from search.analysis import folded
from search.entries import SHARED
from search.port import FACETS
from search.query import NUMBERS

if TYPE_CHECKING:
    from tantivy import Schema

STORED = "stored"  # what a hit shows, and what the document can be written again from
COMPLETIONS = "completions"  # of the job's own document: what suggestions are cut from
OWNER, JOB = "owner", "job"
ITSELF = "itself"  # the job's id, in its own document alone
EXACT = "exact"  # `tag=urgent`: whole values, folded, that filters ask for
VALUE = "value"  # of the job's own document: whole values that are suggested, by owner, to be counted
TYPED = "typed"  # of the job's own document: the words of those values
GIST = "gist"  # of the job's own document: the different words of all its places
HEAD = "head"  # title, part ids, name of the part: what names a place
WORDS = (HEAD, "title", "part", "color", "text", *SHARED, TYPED)  # fields that know where their words stand
BY_NAME = "by_name"  # one value for each job, that compares like its name, then its id
CREATED, ORDINAL = "created", "ordinal"
JOB_HIGH, JOB_LOW = "job_high", "job_low"  # the job's id as numbers
VERSION, PLACES = "version", "places"
SPREAD = "spread"  # tells documents of one score apart, by a thousandth of it at most
# How the words of a field begin, by that field.
BEGINNINGS = {HEAD: "head_begins", "text": "text_begins", "color": "color_begins"}
BEGUN = (2, 3)  # letters of them
# Words that stand side by side in a field, by that field: names are short, and phrases that very many have are of names.
PAIRED = {HEAD: "head_pairs", "color": "color_pairs"}
PAIRS = (2, 3)  # words of them
A_JOB, A_PLACE = "=job", "=place"  # in `EXACT`
SAMPLES = 10  # halvings of what is looked at where very much matches

_SPREAD = 2 * (2**0.001 - 1)  # `log2(2 + this)` is 1.001


@functools.cache
def schema() -> "Schema":
    """The fields. Fast ones are columns, to be counted, sorted and compared by."""
    from tantivy import SchemaBuilder

    made = SchemaBuilder()
    for field in (STORED, COMPLETIONS):
        made.add_bytes_field(field, stored=True)
    for field in (OWNER, JOB, ITSELF, EXACT, VALUE):
        made.add_text_field(field, tokenizer_name="raw", index_option="basic")
    for field in (BY_NAME, *map(facet, FACETS)):
        made.add_text_field(field, tokenizer_name="raw", index_option="basic", fast=True)
    for field in WORDS:
        made.add_text_field(field, tokenizer_name="whitespace", index_option="position")
    for field in (*BEGINNINGS.values(), *PAIRED.values()):
        made.add_text_field(field, tokenizer_name="whitespace", index_option="basic")
    made.add_text_field(GIST, stored=True, tokenizer_name="whitespace", index_option="basic")
    for field in (JOB_HIGH, JOB_LOW, VERSION, PLACES):
        made.add_unsigned_field(field, fast=True)
    for field in (CREATED, ORDINAL):  # signed ones are read in a third of the time
        made.add_integer_field(field, fast=True)
    for field in (SPREAD, *map(column, NUMBERS)):
        made.add_float_field(field, fast=True)
    return made.build()


def facet(name: str) -> str:
    """The column that jobs are counted by for one of `FACETS`."""
    return f"facet_{name}"


def column(number: str) -> str:
    """The column of one of `NUMBERS`."""
    return f"number_{number}"


def microseconds(moment: datetime) -> int:
    """Since 1970; exact, which floats of seconds are not."""
    return round(moment.timestamp() * 1_000_000)


def paired(words: Sequence[str]) -> str:
    """Words side by side as one, as `PAIRED` fields have them; words are letters and digits."""
    return "_".join(words)


def sort_key(first: str, job_id: str) -> str:
    """Compares by `first`, then by id, character by character; of hexadecimal digits alone."""
    return f"{first}\x01{job_id}".encode("utf-8", "surrogatepass").hex()


def job_halves(job_id: str) -> tuple[int, int]:
    """The id, which is a UUID, as two numbers that compare like it; of anything else the second is a digest."""
    try:
        whole = UUID(job_id).int
    except ValueError:
        return int.from_bytes(job_id.encode()[:8].ljust(8, b"\0")), _digest(job_id)
    return whole >> 64, whole & ((1 << 64) - 1)


def _digest(job_id: str) -> int:
    return int.from_bytes(blake2b(job_id.encode(), digest_size=8).digest())


def sample(doublings: int) -> str:
    """In `EXACT` of one job in 2 to the power of `doublings`."""
    return f"=1/{1 << doublings}"


def samples(job_id: str) -> list[str]:
    """Those that a job is in."""
    number = _digest(job_id)
    return [sample(n) for n in range(1, SAMPLES + 1) if number % (1 << n) == 0]


def spread(job_id: str, ordinal: int, *, rank: int) -> float:
    """The same for the same place always, and else by chance; `rank` is the number of `samples` that the job is in.

    The more of them, the larger: whatever has the largest of all has it within each sample that has as many, too.
    """
    drawn = int.from_bytes(blake2b(f"{ordinal} {job_id}".encode(), digest_size=4).digest()) / 2**32
    return _SPREAD * (rank + drawn) / (SAMPLES + 1)


def spread_factor(spread: float) -> float:
    """What tantivy multiplies a score by for a `SPREAD`."""
    return math.log2(2 + spread)


@functools.lru_cache(maxsize=4096)  # the same colors, parts and kinds come again and again
def exact(field: str, value: str) -> str:
    """A whole value as filters ask for it."""
    return f"{field}={folded(value)}"


def owned_value(owner: str, field: str, value: str) -> str:
    """A whole value of an owner's that is suggested. Owners are told by a digest: none is the beginning of another."""
    return f"{blake2b(owner.encode(), digest_size=16).hexdigest()}{exact(field, value)}"

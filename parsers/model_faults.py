"""How a 3D model can fail, in our own words: readers quote other files, so nothing that they say is ever shown."""

from collections.abc import Sequence

from jobs.errors import InputError, UnreadableFile

MAX_TRIANGLES = 4_000_000
_NAMED = 10  # missing files that a message names
_NAME = 60  # characters of each


def malformed(message: str) -> UnreadableFile:
    """The file contradicts itself."""
    return UnreadableFile("model.malformed", message, hint="Export the model again.")


def truncated(expected: int, size: int) -> UnreadableFile:
    """The file ends before what its header promises."""
    message = f"The file is cut off: it should have {expected} bytes and has {size}."
    return UnreadableFile("model.truncated", message, hint="Send it again.")


def unreadable(kind: str) -> UnreadableFile:
    """The library that reads this kind gave up; why, it alone knows."""
    hint = "Open it in a 3D program and export it again."
    return UnreadableFile("model.unreadable", f"The file can not be read as {kind.upper()}.", hint=hint)


def empty() -> UnreadableFile:
    """Nothing in it has a surface."""
    return UnreadableFile("model.empty", "The model has no triangles.")


def not_finite() -> UnreadableFile:
    """Coordinates that are no numbers."""
    return UnreadableFile("model.not_finite", "The model has coordinates that are not finite numbers.")


def too_many(triangles: int) -> InputError:
    """More triangles than this platform takes."""
    return InputError(
        "limit.triangles",
        f"The model has {triangles} triangles; at most {MAX_TRIANGLES} are checked.",
        hint="Reduce the mesh before sending it.",
    )


def outside() -> InputError:
    """A name leads out of the folder that the model lies in."""
    return InputError("model.external", "The model refers to a file outside its own folder.")


def entities() -> InputError:
    """XML that declares entities, which only attacks on its readers do in models."""
    return InputError("xml.entity", "The file declares an XML document type, which models need none of.")


def missing_files(names: Sequence[str]) -> InputError:
    """Files that the geometry stands in were not sent."""
    hint = "Send the model and its files together as one ZIP, or as one GLB file."
    return InputError("model.missing_files", missing_text(names), hint=hint)


def missing_text(names: Sequence[str]) -> str:
    """A sentence that names the files, ten at most, each cut short."""
    named = ", ".join(repr(name[-_NAME:]) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"The model needs files that are not here: {named}{more}."

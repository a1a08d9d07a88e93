"""How large a Draco blob unpacks, told from its header: the decoder itself believes whatever stands there.

The layout is that of the Draco bitstream specification 2.2 (google.github.io/draco/spec), sections 4 and 6.
"""

from parsers.model_faults import MAX_TRIANGLES, malformed, too_many

HEAD = 64  # bytes that hold all that is read here
_MESH, _EDGEBREAKER = 1, 1  # encoder type; encoder method (0 is sequential)
_PREFIX = 11  # magic, version, type, method, flags


def draco_faces(head: bytes) -> int:
    """Triangles of the mesh that begins here; raises `InputError` (`model.malformed`, `limit.triangles`)."""
    if len(head) < _PREFIX + 2 or head[:5] != b"DRACO" or head[7] != _MESH:
        raise malformed("A Draco block has no mesh in it.")
    if head[5] < 2 or (head[5] == 2 and head[6] < 2):
        raise malformed("A Draco block is of a version before 2.2.")
    at = _PREFIX
    if head[8] == _EDGEBREAKER:
        _, at = _varint(head, at + 1)  # vertices, behind the kind of traversal
        faces, _ = _varint(head, at)
    else:
        faces, at = _varint(head, at)
        points, _ = _varint(head, at)
        faces = max(faces, points // 3)
    if faces > MAX_TRIANGLES:
        raise too_many(faces)
    return faces


def _varint(head: bytes, at: int) -> tuple[int, int]:
    """A number in seven bits a byte, the lowest first, and where it ends."""
    number = 0
    for shift in range(0, 63, 7):
        if at >= len(head):
            break
        number |= (head[at] & 0x7F) << shift
        at += 1
        if head[at - 1] < 0x80:
            return number, at
    raise malformed("A Draco block's header is cut off.")

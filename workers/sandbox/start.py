"""Starts a template: first makes room for its objects in one piece, then all the rest.

A script, not a module to import: what it imports before it has made room lies elsewhere.
"""

_ROOM = 14 << 20  # bytes; about what the objects of a pool's libraries come to
_BLOCK = 512  # bytes, the largest that Python's own allocator takes


def _make_room() -> list[bytes]:
    """Have Python map what it will need at once, so that no library comes to lie between.

    One block in each half MiB has to live on: room without any goes back to the kernel.
    """
    blocks = [bytes(_BLOCK - 40) for _ in range(_ROOM // _BLOCK)]
    return blocks[:: (512 << 10) // _BLOCK]


def _main() -> None:
    room = _make_room()
    from workers.sandbox.template import main  # comes to lie in the room that was made

    main()
    del room


if __name__ == "__main__":
    _main()

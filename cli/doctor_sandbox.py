"""The doctor's look at what the kernel offers to lock steps in with."""

from collections.abc import Iterator

from cli.doctor import Finding


def sandbox() -> Iterator[Finding]:
    """Landlock, seccomp and namespaces, as the sandbox itself sees them."""
    from workers.sandbox import capabilities

    found = capabilities()
    limits_only = f"sandbox: {found.mode}; a step that is taken over could read what this user may read"
    if found.landlock:
        yield Finding(name="landlock", state="ok", detail=f"ABI {found.landlock}")
    else:
        yield Finding(
            name="landlock",
            state="absent",
            detail="this kernel has no Landlock, or it is not switched on",
            cost=limits_only,
            cure="run on Linux 5.13 or later with lsm=landlock on the kernel's command line",
        )
    ways = [name for name, has in (("namespaces", found.netns), ("seccomp", found.seccomp)) if has]
    if ways:
        yield Finding(name="network cut", state="ok", detail=f"by {' and '.join(ways)}")
    else:
        yield Finding(
            name="network cut",
            state="absent",
            detail="neither user namespaces nor seccomp can be used",
            cost="a step that is taken over could reach the network",
            cure="sysctl -w kernel.unprivileged_userns_clone=1",
        )

"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile


def replace(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file, which replaces an old one, once it is whole; the old one's mode is kept."""
    target = os.path.realpath(path)
    try:
        mode = os.stat(target).st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    else:
        if not os.path.isfile(target):
            # A pipe or a device cannot be replaced, and has no old content to lose.
            with open(target, "wb") as file:
                file.write(data)
            return
    handle, name = tempfile.mkstemp(prefix=".lanegrad-", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise

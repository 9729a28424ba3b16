"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
import secrets


def check(path: str | os.PathLike[str]) -> None:
    """Raises what would keep ``replace`` from writing a file, before anything is done for it."""
    target = os.path.realpath(path)
    if os.path.exists(target):
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        if os.path.isdir(target):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    elif not os.path.isdir(os.path.dirname(target)):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))


def replace(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file, which replaces an old one, once it is whole; the old one's mode is kept."""
    if os.path.exists(path) and not os.path.isfile(path):
        # A pipe or a device cannot be replaced, and has no old content to lose.
        with open(path, "wb") as file:
            file.write(data)
        return
    check(path)
    target = os.path.realpath(path)
    mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else None
    name = os.path.join(os.path.dirname(target), f".lanegrad-{secrets.token_hex(8)}")
    handle = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if mode is not None:
                os.chmod(name, mode)
            os.fsync(handle)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise

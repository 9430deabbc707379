"""Writing that survives a crash: content reaches the disk before a name points at it.

Plain ``os`` calls on strings: the fault tests fail each of them in turn, and on 10,000 files ``pathlib`` would cost
more than the reading.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys

TEMP_PREFIX = ".ann-migrate-"
TEMP_SUFFIX = ".tmp"

# Windows translates line ends without O_BINARY; elsewhere there is no such flag.
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def read_file(path: str) -> bytes:
    """Return the content of *path*, read with as few system calls as a large tree deserves."""
    fd = os.open(path, _READ)
    try:
        size = os.fstat(fd).st_size
        content = os.read(fd, size + 1)
        if len(content) == size:
            return content
        # A file that grows, one of more than 2 GiB, or one that has no size (/proc): read on to the end.
        parts = [content]
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def write_new_file(path: str, content: bytes, *, like: str | None = None) -> None:
    """Create *path* with *content* and return once both are on the disk; nothing stays behind on an error.

    Args:
        path: A name that does not exist yet.
        content: All that the file shall hold.
        like: A file whose owner, mode and extended attributes the new one gets; by default it is private (0600).

    Raises:
        OSError: If *path* exists, or the system refuses.
    """
    fd = os.open(path, _CREATE, 0o600)
    try:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(fd, view) :]
            if like is not None:
                _copy_attributes(like, fd, path)
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def sync_folder(path: str) -> None:
    """Wait until the names in folder *path* are on the disk. Windows has no such call: there it does nothing."""
    if sys.platform == "win32":
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        # Some network file systems do not know fsync on a folder; there is nothing better to ask them for.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(fd)


def temp_name(folder: str, token: str, index: int) -> str:
    """Return the name of temporary file *index* of the run *token* in *folder*, this process's id in it."""
    # Short, since a name derived from the target's could pass the 255 bytes that file systems allow.
    return os.path.join(folder, f"{TEMP_PREFIX}{os.getpid()}-{token}-{index}{TEMP_SUFFIX}")


def remove_orphans(folder: str) -> None:
    """Delete the temporary files in *folder* that a dead run left; those of live processes stay."""
    try:
        names = [name for name in os.listdir(folder) if name.startswith(TEMP_PREFIX) and name.endswith(TEMP_SUFFIX)]
    except OSError:
        return  # a folder that is gone holds no orphans
    for name in names:
        pid, _, _ = name.removeprefix(TEMP_PREFIX).partition("-")
        if pid.isdecimal() and not _is_alive(int(pid)):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return False  # left by an earlier call of this very process
    if sys.platform == "win32":
        return True  # there, os.kill(pid, 0) would end the process: rather leave a file behind
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _copy_attributes(source: str, fd: int, path: str) -> None:
    """Give the open file the owner, mode and extended attributes (access lists too) of *source*."""
    if sys.platform == "win32":
        os.chmod(path, os.stat(source).st_mode)
        return
    old = os.stat(source)
    new = os.fstat(fd)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        # Only root may give files away; the group alone is often still possible.
        for uid in (old.st_uid, -1):
            with contextlib.suppress(PermissionError):
                os.fchown(fd, uid, old.st_gid)
                break
    os.fchmod(fd, stat.S_IMODE(old.st_mode))  # after fchown, which clears the set-id bits
    if sys.platform == "linux":
        _copy_extended_attributes(source, fd)


if sys.platform == "linux":

    def _copy_extended_attributes(source: str, fd: int) -> None:
        # What shutil.copystat forgives too: file systems without them, and namespaces that only root may set.
        forgiven = (errno.EPERM, errno.ENOTSUP, errno.ENODATA, errno.EINVAL, errno.EACCES)
        try:
            names = os.listxattr(source)
        except OSError as error:
            if error.errno not in forgiven:
                raise
            return
        for name in names:
            try:
                os.setxattr(fd, name, os.getxattr(source, name))
            except OSError as error:
                if error.errno not in forgiven:
                    raise

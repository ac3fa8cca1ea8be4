"""Run a command that cannot outlive the process that started it.

``python -I -S leash.py PARENT SIGNAL USER COMMAND...``: give up root for USER (``-``: stay), ask the
kernel for SIGNAL when the parent goes, make sure that the parent is still PARENT, become COMMAND.

A program of its own rather than a ``preexec_fn``: Python code between fork and exec can deadlock in a
parent with threads (librdkafka starts several). The order matters: a change of user clears the
parent-death signal, so it is asked for afterwards; and the parent may have gone before it was asked
for, so it is compared afterwards.

Linux only; elsewhere the command runs without the leash and the supervisor's own stop is all there is.
The signal comes when the *thread* that started the child ends: start children from the main thread.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
ORPHANED = 113
"""Exit status when the parent was gone before the leash was on."""


def become(parent: int, last_signal: int, user: str, command: list[str]) -> None:
    """Replace this process by ``command``. Raises OSError when it cannot be run."""
    if user != "-":
        import pwd  # noqa: PLC0415  only root needs it, and each start pays for the import

        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, last_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:
            os._exit(ORPHANED)
    os.execvp(command[0], command)  # noqa: S606  the command comes from our own supervisor


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])

"""Replaces itself by a command that dies with its parent and, when asked, runs as another user.

Usage: become.py PARENT SIGNAL UID:GID COMMAND [ARGUMENT...]
PARENT is the process that must live, SIGNAL what the command gets at its death. It is a program of its own because code
between fork and exec is unsafe in a process that has threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *values: int) -> None:
    """Ask the kernel for a property of this process; a kernel that has none of it is no fault."""
    libc.prctl(option, *(ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]))


def keep_only(capability: int) -> None:
    """Hold on to one capability, through exec too, or to none where the machine does not grant it."""
    bit = 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if libc.capset(header, sets) == 0:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def change_user(uid: int, gid: int) -> None:
    """Become that user, still able to reach files below folders (a checkout in /root) that only root may enter."""
    prctl(PR_SET_KEEPCAPS, 1)
    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)  # else access(2) denies what open(2) grants, and initdb asks both
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    keep_only(CAP_DAC_OVERRIDE)


def main(parent: str, signal: str, account: str, *command: str) -> None:
    """Run the command in place of this process, or say in one line why that cannot be."""
    uid, gid = map(int, account.split(":"))
    try:
        if uid != os.geteuid():
            change_user(uid, gid)
        prctl(PR_SET_PDEATHSIG, int(signal))  # after the change of user, which clears it
        if os.getppid() == int(parent):
            os.execv(command[0], command)  # noqa: S606 - it is what this program is for
    except OSError as error:
        sys.exit(f"cannot run {command[0]} as user {uid}: {error.strerror}")


if __name__ == "__main__":
    main(*sys.argv[1:])

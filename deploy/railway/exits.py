"""How a command ends: its exit code, and the errors that end it early."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the tool. A script may rely on them."""

    OK = 0
    FAILED = 1  # a check failed
    USAGE = 2  # wrong options, or a configuration that is not valid
    NOT_LIVE = 3  # the deployment failed; the version before it still serves, nothing was rolled back
    ROLLED_BACK = 4  # it was unhealthy; rolled back, and the result was verified
    HUMAN = 5  # refused, failed or ambiguous: somebody has to look
    NO_VERDICT = 6  # the platform could not be asked
    BLOCKED = 7  # another deployment is in flight
    TIMEOUT = 8  # no verdict in time


class ToolError(Exception):
    """Why a command ends early; the message is one line for a human and holds no secret."""

    code = Exit.FAILED


class UsageError(ToolError):
    """The command was asked for something that cannot be."""

    code = Exit.USAGE


class NotLive(ToolError):
    """A deployment did not become live, so the one before it still serves."""

    code = Exit.NOT_LIVE


class NeedsHuman(ToolError):
    """Going on would be a guess."""

    code = Exit.HUMAN


class NoVerdict(ToolError):
    """The platform did not answer, or not in a way that can be trusted."""

    code = Exit.NO_VERDICT


class Unauthorised(NoVerdict):
    """The platform does not accept the token for what was asked."""


class Blocked(ToolError):
    """Somebody else is deploying."""

    code = Exit.BLOCKED


class OutOfTime(ToolError):
    """What was waited for did not happen in time."""

    code = Exit.TIMEOUT

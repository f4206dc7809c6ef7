"""Beginning a deployment: fenced, asked for once, and found again, whatever the platform answered.

The platform knows no "only if nothing else happened", and its answer may be lost after the work was begun. So: look,
look again, ask once, and then believe only what the list of deployments shows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.railway.client import NotDone, Unknown
from deploy.railway.context import Online
from deploy.railway.exits import Blocked, NeedsHuman, NoVerdict, Unauthorised
from deploy.railway.model import Deployment, Status
from deploy.railway.platform import Railway, Service

APPEARS_WITHIN = 120.0  # a new deployment may show in the list only later
LOOK_EVERY = 3.0


@dataclass(frozen=True)
class Snapshot:
    """The deployments of a service at one moment, newest first."""

    service: Service
    deployments: tuple[Deployment, ...]

    @classmethod
    def take(cls, railway: Railway, service: Service) -> "Snapshot":
        """Look at the service now. Raises `NoVerdict`."""
        return cls(service, tuple(railway.deployments(service)))

    @property
    def live(self) -> Deployment | None:
        """The newest deployment that serves."""
        return next((each for each in self.deployments if each.serves), None)

    @property
    def newest(self) -> Deployment | None:
        """The newest deployment, whatever became of it."""
        return self.deployments[0] if self.deployments else None

    def newer(self, rows: list[Deployment]) -> list[Deployment]:
        """The deployments that began after this snapshot. Being new in the list is not enough: old ones drop out."""
        known = {each.id for each in self.deployments}
        newest = max((each.created_at for each in self.deployments), default=datetime.min.replace(tzinfo=UTC))
        return [each for each in rows if each.id not in known and each.created_at > newest]

    def refuse_others(self) -> None:
        """Raise `Blocked` when something is in flight, `NeedsHuman` when that cannot be told."""
        for each in self.deployments:
            if each.status is Status.UNKNOWN:
                raise NeedsHuman(
                    f"{each.id} of {self.service.name} is in a state that is not known; nothing was changed"
                )
            if each.status.in_flight:
                raise Blocked(f"{each} of {self.service.name} is in flight; nothing was changed")


# D70: asked for once.
def begin(
    context: Online, seen: Snapshot, act: Callable[[], str | None], *, commit: str | None, image: str | None = None
) -> Deployment:
    """Have `act` begin one deployment of a service that is as it was `seen`, and return that deployment.

    `act` is called once and returns the new id if it is told one. The deployment returned is of `commit`, where one is
    given, and of `image`, where both are known. Raises `Blocked` and `NoVerdict` with nothing changed, `NeedsHuman`
    when it is not certain which deployment is ours.
    """
    now = Snapshot.take(context.railway, seen.service)
    if _state(now) != _state(seen):
        raise Blocked(f"the deployments of {seen.service.name} changed meanwhile; nothing was changed")
    told = None
    try:
        told = act()
    except Unauthorised as error:
        raise Unauthorised(f"nothing was changed: {error}") from None
    except NotDone as error:
        raise NoVerdict(f"nothing was changed: {error}") from None
    except Unknown as error:
        context.report.say(f"{error}: looking whether it was done; it is not asked for again")
    return _find(context, now, told, _Wanted(commit, image))


def _state(snapshot: Snapshot) -> tuple[str | None, str | None]:
    """What must not change while we decide: the newest deployment and the live one. Old ones come to their end."""
    return snapshot.newest.id if snapshot.newest else None, snapshot.live.id if snapshot.live else None


@dataclass(frozen=True)
class _Wanted:
    commit: str | None
    image: str | None

    def judge(self, found: Deployment) -> bool | None:
        """Whether that is what was asked for; None while the platform does not say yet."""
        if self.commit is None:
            return True
        if found.commit is None:
            return None
        same_image = self.image is None or found.image is None or self.image == found.image
        return found.commit == self.commit and same_image


def _find(context: Online, seen: Snapshot, told: str | None, wanted: _Wanted) -> Deployment:
    """The one deployment that began since, when it is the one that was asked for."""
    ends = context.clock.now() + APPEARS_WITHIN
    candidate = None
    while True:
        new = _began(context, seen)
        if len(new) > 1:
            names = ", ".join(map(str, new))
            raise NeedsHuman(f"more than one deployment of {seen.service.name} began: {names}")
        if new and told and new[0].id != told:
            raise NeedsHuman(f"{new[0]} of {seen.service.name} began, and is not ours ({told})")
        if new and wanted.judge(new[0]) is False:
            raise NeedsHuman(f"{new[0]} of {seen.service.name} began, and is not what was asked for ({wanted.commit})")
        if new and candidate == new[0].id and wanted.judge(new[0]):
            return new[0]  # seen twice, and alone both times
        candidate = new[0].id if new else None
        if context.clock.now() > ends:
            said = f"no new deployment of {seen.service.name} can be told for certain after {APPEARS_WITHIN:.0f} s"
            raise NeedsHuman(f"{said}; it was asked for once, and may still begin")
        context.clock.sleep(LOOK_EVERY)


def _began(context: Online, seen: Snapshot) -> list[Deployment]:
    """What began since; nothing while the platform cannot be read, for the work may be under way all the same."""
    try:
        return seen.newer(context.railway.deployments(seen.service))
    except NoVerdict as error:
        context.report.say(str(error))
        return []

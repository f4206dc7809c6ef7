"""What the settings need and permit, and how they are answered in an outage."""

from ..infra import AUTH, DATABASE, REDIS
from ..web.endpoint.needs import Needs

BOTH = ("settings", "companies")  # our company is shown with the currency, and under both
BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600, touches=BOTH)
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,), offline=False, touches=BOTH)
KNOWN = Needs(optional=(AUTH,))  # this worker knows it, whatever is away
FOLLOWED = Needs(optional=(AUTH, DATABASE))  # the settings as this worker last knew them
SEE, SET = "SYSTEM_CONFIG", "SYSTEM_CONFIG_UPDATE"

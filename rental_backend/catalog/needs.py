"""What all of master data needs and permits, and how it is answered in an outage."""

from ..infra import AUTH, DATABASE, REDIS
from ..web.endpoint.needs import Needs
from ..web.resource.resource import Permissions

BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600)
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,))  # refuse rather than guess
MASTER_DATA = Permissions.of("MASTER_DATA")

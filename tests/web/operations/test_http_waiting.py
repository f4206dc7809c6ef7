"""How many clients a worker can wait for."""

import resource

from rental_backend.web.operations.http_waiting import allow_files


def test_a_process_opens_as_many_files_as_it_may() -> None:
    """A low limit is raised to what is wanted, a high one is left, and no more is promised than is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
        assert allow_files(400) == 400
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (400, hard)
        assert allow_files(350) == 350
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (400, hard)
        assert allow_files(hard + 1) == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

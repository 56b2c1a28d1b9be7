"""What does the process allow itself?"""

import resource

import pytest

from bot import running


@pytest.fixture
def soft():
    """Sets the soft limit of open files, for as long as the test lasts."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_thousand_open_posts_need_more_files_than_the_usual_limit(soft):
    soft(1_024)
    running.allow_open_files()
    now, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert now == (running.MOST_FILES if hard == resource.RLIM_INFINITY else min(running.MOST_FILES, hard))


def test_more_than_enough_is_left_alone(soft):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 < hard <= running.MOST_FILES:
        soft(hard)
    else:
        soft(running.MOST_FILES + 1)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    running.allow_open_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before

"""Does only the password open a session, for as long as promised, and is guessing slow?"""

import pytest

from adapters.web.sessions import IN_ALL, PER_ADDRESS, SESSION_SECONDS, Brake, Sessions, network


@pytest.fixture
def sessions(clock):
    return Sessions("open sesame", secret="a test secret", clock=clock)


def test_only_the_very_password_is_the_password(sessions):
    assert sessions.is_password("open sesame")
    assert not sessions.is_password("open sesame ")
    assert not sessions.is_password("Open sesame")
    assert not sessions.is_password("")


def test_password_of_any_script_works(clock):
    assert Sessions("пароль 密码", secret="a test secret", clock=clock).is_password("пароль 密码")


def test_session_survives_a_restart(sessions, clock):
    session = sessions.open()
    assert Sessions("open sesame", secret="a test secret", clock=clock).is_open(session)


def test_session_ends_after_its_time(sessions, clock):
    session = sessions.open()
    clock.advance(SESSION_SECONDS - 1)
    assert sessions.is_open(session)
    clock.advance(1)
    assert not sessions.is_open(session)


def test_changed_password_or_secret_ends_every_session(sessions, clock):
    session = sessions.open()
    assert not Sessions("another", secret="a test secret", clock=clock).is_open(session)
    assert not Sessions("open sesame", secret="another", clock=clock).is_open(session)


def test_session_that_was_closed_is_refused_and_others_are_not(sessions):
    one, other = sessions.open(), sessions.open()
    sessions.close(one)
    assert not sessions.is_open(one)
    assert sessions.is_open(other)


def test_forged_sessions_are_refused_and_not_remembered(sessions):
    expires, chance, signature = sessions.open().split(".")
    forged = [
        "",
        ".",
        "..",
        "é",
        f"{int(expires) + 1}.{chance}.{signature}",
        f"{expires}.{chance}.{signature[:-1]}",
        f"{expires}.{chance}.",
        f"{expires}..{signature}",
        "9999999999.x." + "0" * 64,
    ]
    for session in forged:
        assert not sessions.is_open(session), session
        sessions.close(session)
    assert not sessions._revoked


def test_few_wrong_guesses_are_heard_at_once_and_then_one_a_minute(clock):
    brake = Brake(clock)
    for _ in range(PER_ADDRESS.at_once):
        assert brake.wait("192.0.2.1") == 0
        brake.wrong("192.0.2.1")
    assert brake.wait("192.0.2.1") == PER_ADDRESS.every
    assert brake.wait("192.0.2.2") == 0, "others wait for nobody else's guesses"
    clock.advance(PER_ADDRESS.every - 1)
    assert brake.wait("192.0.2.1") == 1
    clock.advance(1)
    assert brake.wait("192.0.2.1") == 0


def test_allowance_is_whole_again_after_a_while(clock):
    brake = Brake(clock)
    for _ in range(PER_ADDRESS.at_once):
        brake.wrong("192.0.2.1")
    clock.advance(PER_ADDRESS.at_once * PER_ADDRESS.every)
    for _ in range(PER_ADDRESS.at_once):
        assert brake.wait("192.0.2.1") == 0
        brake.wrong("192.0.2.1")
    assert brake.wait("192.0.2.1") > 0


def test_many_addresses_share_one_allowance_too(clock):
    brake = Brake(clock)
    for number in range(IN_ALL.at_once):
        assert brake.wait(f"192.0.2.{number}") == 0
        brake.wrong(f"192.0.2.{number}")
    assert brake.wait("198.51.100.1") == IN_ALL.every


def test_memory_of_addresses_is_bounded(clock):
    brake = Brake(clock)
    for number in range(6_000):
        brake.wrong(f"10.0.{number // 250}.{number % 250}")
    assert len(brake._whole_at) <= 4_096


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_ipv6_network_counts_as_one_address(one, other, same):
    assert (network(one) == network(other)) is same

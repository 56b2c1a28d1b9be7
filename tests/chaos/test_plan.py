"""Is a plan its seed's alone, and can everything in it be carried out?"""

import random

import pytest

from bot.model import ASPECT_RATIOS
from tests.chaos import tricks
from tests.chaos.fleet import Fleet
from tests.chaos.members import files_of
from tests.chaos.monkey import Monkey
from tests.chaos.plan import BLOWS, DEEDS, plan
from tests.chaos.surroundings import Surroundings
from tests.chaos.tricks import KINDS, Trick


def made(seed, **facts):
    return plan(seed, **{"seconds": 60.0, "talks": 150, "longest_pause": 6.0, **facts})


def test_same_seed_gives_the_same_plan_and_another_one_another():
    assert list(made(7).told()) == list(made(7).told())
    assert made(7) == made(7)
    assert list(made(7).told()) != list(made(8).told())


def test_plan_holds_every_kind_of_deed_blow_and_trick():
    plans = [made(seed, database=True) for seed in range(20)]
    assert {deed.kind for one in plans for talk in one.talks for deed in talk.deeds} == {"imagine", *dict(DEEDS)}
    assert {blow.kind for one in plans for blow in one.blows} == {*dict(BLOWS), "database"}
    assert {(t.on, t.act) for one in plans for t in one.tricks} == {(kind.on, kind.act) for kind in KINDS}
    ratios = {deed.ratio for one in plans for talk in one.talks for deed in talk.deeds}
    assert ratios == {None, *ASPECT_RATIOS}


def test_words_are_told_apart_but_for_twins():
    words = [deed.words for talk in made(3).talks for deed in talk.deeds]
    assert 0 < len(words) - len(set(words)) < 30


def test_nothing_happens_after_the_seed_is_over():
    one = made(5)
    assert all(0 <= at < 60 for at in (*(t.at for t in one.tricks), *(b.at for b in one.blows)))


def test_list_never_hides_a_record_for_as_long_as_makes_it_count_as_lost():
    """tests/README.md: no bot can close that window."""
    lags = [t.options["seconds"] for seed in range(20) for t in made(seed).tricks if t.options.get("kind") == "lag"]
    assert lags
    assert max(lags) < 30


def test_brief_plan_has_nothing_that_lingers():
    rng = random.Random(0)
    lingering = [kind.draw for kind in KINDS if kind.lingers]
    assert lingering
    drawn = list(tricks.drawn(rng, 100.0, [], brief=True))
    assert not [t for t in drawn if t.options.get("method") == "files.completeUploadExternal"]


def test_each_attached_picture_has_a_look_of_its_own():
    files = [file.data for talk in made(4).talks for deed in talk.deeds for file in files_of(deed, 3)]
    assert len(files) - len(set(files)) < 10  # those of twins


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.on}-{kind.act}{kind.draw.__name__}")
async def test_every_trick_has_its_lever(kind, tmp_path):
    around = Surroundings(seed=0)
    monkey = Monkey(around, Fleet(tmp_path, {}))
    async with around.serve():
        for number in range(5):
            options = {**kind.draw(random.Random(number))}
            if "seconds" in options and kind.act in ("hold", "outage", "restart"):
                options["seconds"] = 0.01
            await monkey._play(Trick(at=0.0, on=kind.on, act=kind.act, options=options))
        await around.calm()
        assert around.queue.pending_faults == []
        assert around.slack.emulator.pending_faults == []

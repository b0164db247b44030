"""Tell differences between targets from noise: how often does a target differ from itself?

Each target is asked several times. A place that differs between the targets more often than within
the steadiest of them counts; Fisher's exact test decides. Three times more are enough for a place
that always differs. The intervals of the rates are Wilson's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from framework_gateway.compare.findings import Difference, Kind
from framework_gateway.compare.rates import exceeds, rate

TOO_FEW = "too few answers; ask more often"
NOISE = "noise: each target differs from itself as often"

Round = Sequence[Difference]
Key = tuple[str, Kind | None]

# Values that change do not explain them: a number that became text, or is missing now and then.
OWN_NOISE = frozenset([Kind.TYPE, Kind.NULL, Kind.MISSING, Kind.REPEATED])


def judge_noise(
    between: Sequence[Round], within: Mapping[str, Sequence[Round]]
) -> list[Difference]:
    """Return the differences of all rounds, once for each place and type, with their rates.

    The noise of a place is that of the steadiest target: if only one target changes its mind, then
    that is a difference.

    Args:
        between: the differences between the targets, for each round.
        within: for each target, the differences between two successive answers, for each pair.
    """
    found: dict[Key, Difference] = {}
    for differences in between:
        for difference in differences:
            # One that counts says more than the same place without an effect.
            if (key := key_of(difference)) not in found or not found[key].counts:
                found[key] = difference
    across = count_keys(between)
    alone = [count_keys(rounds) for rounds in within.values()]
    pairs = len(between) - 1
    return [
        judge(one, across[key], len(between), min(each[key] for each in alone), pairs)
        for key, one in found.items()
    ]


def key_of(difference: Difference) -> Key:
    """Return what the noise of a difference is: of its place, or of its type in this place."""
    return difference.place, difference.kind if difference.kind in OWN_NOISE else None


def count_keys(rounds: Sequence[Round]) -> Counter[Key]:
    """Count the rounds in which each place differs, also for each type alone."""
    keys = ({key for one in each for key in ((one.place, None), key_of(one))} for each in rounds)
    return Counter(key for found in keys for key in found)


def judge(difference: Difference, across: int, rounds: int, alone: int, pairs: int) -> Difference:
    """Return the difference with its rates; it counts if it is more than noise.

    It is undecided if no noise was seen, or if so few answers could show nothing above it.

    Args:
        difference: the difference.
        across, rounds: the targets differed in ``across`` of ``rounds``.
        alone, pairs: the steadiest target differed from itself in ``alone`` of ``pairs``.
    """
    rated = replace(difference, between=rate(across, rounds), within=rate(alone, pairs))
    if not difference.counts or exceeds(across, rounds, alone, pairs):
        return rated
    is_more = across * pairs > alone * rounds
    if is_more and (not alone or not exceeds(rounds, rounds, alone, pairs)):
        return replace(rated, counts=False, undecided=True, reason=TOO_FEW)
    return replace(rated, counts=False, reason=NOISE)

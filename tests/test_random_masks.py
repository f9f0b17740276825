"""Random masks: the generator against its published vectors, bits against threads and instruction sets, statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from rnnfast import _cpu, get_num_threads, set_num_threads
from rnnfast.random_masks import MaskGenerator

ISAS = _cpu.supported_isas()


def generator(seed: int = 0) -> MaskGenerator:
    return MaskGenerator(np.random.SeedSequence(seed))


def philox4x32(counter: int, key: int, rounds: int = 10) -> list[int]:
    """The definition, word by word; counter of 128 bits and key of 64, low words first."""
    c = [counter >> 32 * i & 0xFFFFFFFF for i in range(4)]
    k = [key & 0xFFFFFFFF, key >> 32]
    for _ in range(rounds):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, p0 >> 32 ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


# kat_vectors of Random123, philox4x32 with 10 rounds: four words of the counter, two of the key, four of the result.
PUBLISHED = [
    ("00000000 00000000 00000000 00000000 00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@pytest.mark.parametrize(("given", "right"), PUBLISHED)
@pytest.mark.parametrize("isa", ISAS)
def test_published_vectors(isa: str, given: str, right: str) -> None:
    c0, c1, c2, c3, k0, k1 = (int(word, 16) for word in given.split())
    words = _cpu.random_words(seed=k1 << 32 | k0, stream=c3 << 32 | c2, first=c1 << 32 | c0, blocks=1, isa=isa)
    assert [f"{word:08x}" for word in words] == right.split()
    assert philox4x32(c3 << 96 | c2 << 64 | c1 << 32 | c0, k1 << 32 | k0) == words.tolist()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("first", [0, 2**32 - 5, 2**64 - 7])
def test_blocks_are_those_of_the_counter(first: int, isa: str) -> None:
    words = _cpu.random_words(seed=3, stream=4, first=first, blocks=37, isa=isa)
    right = [philox4x32(4 << 64 | (first + i) % 2**64, 3) for i in range(37)]
    np.testing.assert_array_equal(words.reshape(37, 4), right)


@pytest.fixture
def use_threads() -> Iterator[Callable[[int], None]]:
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 64, 1023, 1025, 200_001])
def test_a_mask_is_decided_by_the_words_whatever_the_threads_and_the_instruction_set(
    count: int, use_threads: Callable[[int], None]
) -> None:
    rate, seed, stream, first = 0.3, 11, 12, 13
    words = _cpu.random_words(seed=seed, stream=stream, first=first, blocks=-(-count // 4), isa="baseline")[:count]
    dropped = words < round(rate * 2**32)
    for isa in ISAS:
        for threads in (1, 2, 3, 8):
            use_threads(threads)
            for dtype, other in (("float32", 1 / 0.7), ("float64", 1 / 0.7), ("bool", False)):
                mask = np.empty(count, dtype)
                chosen = 0.0 if dtype != "bool" else True
                _cpu.fill_mask(mask, rate, chosen, other, seed=seed, stream=stream, first=first, isa=isa)
                np.testing.assert_array_equal(mask, np.where(dropped, chosen, other).astype(dtype))


def test_one_mask_follows_the_other_and_state_goes_back() -> None:
    drawn = generator(7)
    first = drawn.dropout((5, 3), 0.5, "float32")
    kept = drawn.state
    assert kept["counter"] == 4  # of four elements each
    second = drawn.dropout((5, 3), 0.5, "float32")
    assert (first != second).any()
    third = drawn.chosen((2, 7), 0.5)
    other = generator(8)
    other.state = kept
    np.testing.assert_array_equal(other.dropout((5, 3), 0.5, "float32"), second)
    np.testing.assert_array_equal(other.chosen((2, 7), 0.5), third)
    assert other.state == drawn.state


def test_the_counter_goes_round() -> None:
    drawn = generator()
    drawn.state = {**drawn.state, "counter": 2**64 - 1}
    drawn.chosen((8,), 0.5)
    assert drawn.state["counter"] == 1


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rate_and_scale(rate: float, dtype: str) -> None:
    n = 400_000
    mask = generator(1).dropout((n,), rate, dtype)
    assert mask.dtype == dtype
    assert set(np.unique(mask)) <= {0, np.array(1 / (1 - rate), dtype)[()]}
    deviation = np.sqrt(rate * (1 - rate) / n)
    assert abs((mask == 0).mean() - rate) <= 4 * deviation
    assert abs(generator(2).chosen((n,), rate).mean() - rate) <= 4 * deviation


def test_elements_masks_and_seeds_are_independent() -> None:
    """Correlations of what should be independent fair coins: within 4 standard deviations, at fixed seeds."""
    n = 200_000
    drawn = generator(5)
    mask, following, of_another_seed = drawn.chosen((n,), 0.5), drawn.chosen((n,), 0.5), generator(6).chosen((n,), 0.5)
    signs = [2.0 * m - 1 for m in (mask, following, of_another_seed)]
    for other in signs[1:]:
        assert abs((signs[0] * other).mean()) <= 4 / np.sqrt(n)
    for lag in (1, 2, 3, 4, 8, 64, 256, 1024):
        assert abs((signs[0][lag:] * signs[0][:-lag]).mean()) <= 4 / np.sqrt(n - lag)


@pytest.mark.parametrize(
    ("rate", "error"), [(-0.1, ValueError), (1, ValueError), (np.nan, ValueError), ("a", TypeError)]
)
def test_a_bad_rate_is_named(rate: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^rate: expected .*got"):
        generator().dropout((2,), rate, "float32")  # type: ignore[arg-type]
    with pytest.raises(error, match=r"^rate: expected .*got"):
        generator().chosen((2,), rate)  # type: ignore[arg-type]

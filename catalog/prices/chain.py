"""Sources asked one after the other: each gets what those before it had no price for."""

import time
from collections.abc import Callable, Mapping, Sequence

from catalog.prices.port import Away, PriceKey, PriceProvider, Quote, Reason, Watch
from jobs.errors import ConfigurationError

PRECEDENCE = ("file", "table", "http-json", "bricklink")
PATIENCE = 20 * 60.0  # seconds that one job may spend on services


class Chain:
    """A `PriceSource` over providers in their order.

    Where a currency is wanted, a price in another one is taken only if no source has it in that one: nothing is
    converted. A source that is away hides no price of a later one.
    """

    def __init__(
        self,
        providers: Sequence[PriceProvider],
        *,
        off: Sequence[str] = (),
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.off = tuple(off)
        self.sources = tuple(provider.name for provider in providers)
        self._providers = tuple(providers)
        self._clock = clock
        self._until = clock() + patience

    def quote(self, keys: Sequence[PriceKey], *, watch: Watch | None = None) -> dict[PriceKey, Quote | Away]:
        found: dict[PriceKey, Quote] = {}
        foreign: dict[PriceKey, Quote] = {}
        away: dict[PriceKey, Away] = {}
        left = list(dict.fromkeys(keys))
        for provider in self._providers:
            if not left:
                break
            answers = self._asked(provider, left, watch=watch)
            for key in left:
                answer = answers.get(key)
                if isinstance(answer, Away):
                    away.setdefault(key, answer)
                elif answer is not None and answer.unit > 0:
                    (found if key.currency in {None, answer.currency} else foreign).setdefault(key, answer)
            left = [key for key in left if key not in found]
        return away | foreign | found

    def _asked(
        self, provider: PriceProvider, keys: Sequence[PriceKey], *, watch: Watch | None
    ) -> Mapping[PriceKey, Quote | Away]:
        if provider.is_remote and self._clock() > self._until:
            return {key: Away(source=provider.name, reason=Reason.TIME_LIMIT) for key in keys}
        return provider.quote(keys, watch=watch)


def chain_of(known: Mapping[str, PriceProvider], names: Sequence[str], *, patience: float = PATIENCE) -> Chain:
    """The chain of the sources `names`, in that order; those of PRECEDENCE that are not set up are `off`."""
    unknown = [name for name in names if name not in PRECEDENCE]
    if unknown:
        raise ConfigurationError(f"there is no price source {unknown[0]!r}; there are {', '.join(PRECEDENCE)}")
    wanted = dict.fromkeys(names)
    return Chain(
        [known[name] for name in wanted if name in known],
        off=[name for name in wanted if name not in known],
        patience=patience,
    )

"""The faults that a drill knows. Each module here that ends in `FAULTS = (...)` is registered by being here."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from types import MappingProxyType, ModuleType

from drill.faults.base import Fault
from jobs.errors import ConfigurationError


def collect(modules: Iterable[ModuleType]) -> dict[str, type[Fault]]:
    """The faults of `modules` by name; `ConfigurationError` where two have one name."""
    found: dict[str, type[Fault]] = {}
    for module in modules:
        for fault in getattr(module, "FAULTS", ()):
            if fault.name in found:
                raise ConfigurationError(f"two faults are named {fault.name!r}; rename the one in {module.__name__}")
            found[fault.name] = fault
    return found


def _here() -> Iterable[ModuleType]:
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        yield importlib.import_module(f"{__name__}.{module.name}")


FAULTS: Mapping[str, type[Fault]] = MappingProxyType(collect(_here()))


def named(names: Iterable[str]) -> tuple[str, ...]:
    """The faults of these names, each once, all for none; `ConfigurationError` lists those that there are."""
    chosen = tuple(dict.fromkeys(name.strip() for name in names if name.strip())) or tuple(FAULTS)
    unknown = [name for name in chosen if name not in FAULTS]
    if unknown:
        raise ConfigurationError(f"there is no fault {', '.join(unknown)}; there are: {', '.join(FAULTS)}")
    return chosen

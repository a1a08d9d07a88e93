"""What happens to a file. Each module here that ends in `PIPELINE = Pipeline(...)` is registered by being here."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from types import MappingProxyType, ModuleType

from jobs.errors import ConfigurationError
from jobs.pipeline import ANY_KIND, Pipeline


def collect(modules: Iterable[ModuleType]) -> dict[str, Pipeline]:
    """The pipelines of `modules` by name; `ConfigurationError`, with the cure, where they contradict each other."""
    found: dict[str, Pipeline] = {}
    kinds: dict[str, str] = {}
    for module in modules:
        pipeline = getattr(module, "PIPELINE", None)
        if not isinstance(pipeline, Pipeline):
            raise ConfigurationError(f"{module.__name__} has no PIPELINE = Pipeline(...); add one or move the file")
        if pipeline.name in found:
            raise ConfigurationError(f"two pipelines are named {pipeline.name!r}; rename the one in {module.__name__}")
        for kind in pipeline.accepts:
            if kind in kinds and kind != ANY_KIND:
                message = f"pipelines {kinds[kind]!r} and {pipeline.name!r} both accept {kind!r}; take it out of one"
                raise ConfigurationError(message)
            kinds[kind] = pipeline.name
        if both := set(pipeline.accepts) & set(pipeline.on_request):
            message = f"pipeline {pipeline.name!r} takes {', '.join(sorted(both))} anyway; take it out of on_request"
            raise ConfigurationError(message)
        _check_targets(pipeline)
        found[pipeline.name] = pipeline
    for pipeline in found.values():
        for step in pipeline.steps:
            if unknown := set(step.submits) - set(found):
                message = f"step {pipeline.name}.{step.name} submits to {min(unknown)!r}, which is no pipeline"
                raise ConfigurationError(f"{message}; there are: {', '.join(found)}")
    return found


def _check_targets(pipeline: Pipeline) -> None:
    """A sandbox child finds a step by module and name, so it has to stand at the top of its module."""
    for step in pipeline.steps:
        if not step.run.__qualname__.isidentifier():
            raise ConfigurationError(f"step {pipeline.name}.{step.name} must be a function at the top of its module")


def _here() -> Iterable[ModuleType]:
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        yield importlib.import_module(f"{__name__}.{module.name}")


_PIPELINES: Mapping[str, Pipeline] = MappingProxyType(collect(_here()))
_BY_KIND = {kind: pipeline for pipeline in _PIPELINES.values() for kind in pipeline.accepts if kind != ANY_KIND}


def pipelines() -> Mapping[str, Pipeline]:
    """Every pipeline by name."""
    return _PIPELINES


def pipeline_named(name: str) -> Pipeline:
    """The pipeline of that name; `KeyError` where there is none."""
    return _PIPELINES[name]


def pipeline_for(kind: str) -> Pipeline | None:
    """The one that takes files of that kind, in the sniffer's words; None where none does."""
    return _BY_KIND.get(kind)


def on_request(kind: str | None) -> tuple[str, ...]:
    """Names of pipelines that take files of that kind where the caller names them; no file leads to one by it."""
    return tuple(name for name, pipeline in _PIPELINES.items() if kind in pipeline.on_request)


def accepted_kinds() -> tuple[str, ...]:
    """Every kind that some pipeline takes, sorted."""
    return tuple(sorted(_BY_KIND))

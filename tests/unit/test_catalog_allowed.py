"""Where a catalog may be fetched from: folders that the operator named, however an address is written."""

import pytest

from catalog.allowed import Allowed
from config.settings import CatalogSettings, Settings
from jobs.errors import ConfigurationError, InputError
from wiring.catalog import allowed_sources

ALLOWED = Allowed(["https://cdn.example.test/media/downloads/", "file:///srv/catalog", "http://127.0.0.1:8080"])


@pytest.mark.parametrize(
    "source",
    [
        "https://cdn.example.test/media/downloads",
        "https://CDN.example.test:443/media/downloads/2026/",
        "file:///srv/catalog/today",
        "file://localhost/srv/catalog",
        "http://127.0.0.1:8080/tables",
        "https://cdn.example.test/media/downloads file:///srv/catalog/maps",
    ],
)
def test_folders__within_what_is_allowed(source):
    """A folder that is allowed, or lies in one, is taken, several between blanks."""
    assert [folder + "/" for folder in ALLOWED.folders(source)] == [one.rstrip("/") + "/" for one in source.split()]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "   ",
        "https://cdn.example.test/media/downloads-of-others",
        "https://cdn.example.test/media",
        "https://cdn.example.test:8443/media/downloads",
        "https://cdn.example.test.evil.test/media/downloads",
        "https://cdn.example.test@evil.test/media/downloads",
        "https://user:word@cdn.example.test/media/downloads",
        "https://evil.test/https://cdn.example.test/media/downloads",
        "https://cdn.example.test/media/downloads/../../private",
        "https://cdn.example.test/media/downloads/%2e%2e/private",
        "https://cdn.example.test/media/downloads/..%2f..%2fprivate",
        "https://cdn.example.test/media/downloads/a%5c..%5cb",
        "https://cdn.example.test/media/downloads/%00",
        "https://cdn.example.test/media/downloads/%ff",
        "https://cdn.example.test/media/downloads?to=elsewhere",
        "https://cdn.example.test/media/downloads?",
        "https://cdn.example.test/media/downloads#x",
        "https://cdn.example.test\\@evil.test/media/downloads",
        "http://cdn.example.test/media/downloads",
        "http://127.0.0.1:9090/tables",
        "http://169.254.169.254/latest",
        "http://[::1]:8080/tables",
        "http://[::1",
        "https://cdn.example.test:port/media/downloads",
        "https:///media/downloads",
        "file:///",
        "file:///srv",
        "file:///srv/catalog/../../etc",
        "file://server/srv/catalog",
        "file:srv/catalog",
        "ftp://cdn.example.test/media/downloads",
        "gopher://127.0.0.1:8080/",
        "/srv/catalog",
        "https://cdn.exämple.test/media/downloads",
        " ".join(["file:///srv/catalog"] * 9),
        "file:///srv/catalog/" + "a" * 2000,
        "file:///srv/catalog https://evil.test/",
    ],
)
def test_folders__beyond_it(source):
    """Whatever leads elsewhere, or could, is refused with a code and who may change it."""
    with pytest.raises(InputError) as refused:
        ALLOWED.folders(source)
    assert refused.value.fault.code == "catalog.source_refused"
    assert "HEAVYLIFT_CATALOG_URL" in refused.value.fault.hint


def test_folders__nothing_is_allowed_by_default():
    """An installation whose operator named no folder fetches nothing."""
    with pytest.raises(InputError):
        Allowed([]).folders("https://cdn.example.test/media/downloads")


def test_settings__name_the_folders(tmp_path):
    """The clock's folder and further ones are allowed; one that cannot be is told at start."""
    settings = Settings(tmp_path)
    settings.catalog = CatalogSettings(url="https://a.test/x file:///srv/maps", sources="https://b.test/")
    allowed = allowed_sources(settings)
    for source in ("https://a.test/x", "file:///srv/maps", "https://b.test/anything"):
        allowed.folders(source)
    settings.catalog = CatalogSettings(url="http://a.test/x")
    with pytest.raises(ConfigurationError, match="HEAVYLIFT_CATALOG_URL"):
        allowed_sources(settings)

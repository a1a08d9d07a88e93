"""Rules of the house that no linter knows: lengths, honest exemptions, broad excepts, nothing of a machine's own.

A new broad `except` needs a row in BROAD_EXCEPTS with its reason; one that ends in a `raise` (clean up and
pass on, or tell it in other words) needs none.
"""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest
from support.sources import ROOT, files, product_files, python_files, text_files, text_of, tree_of

FILE_LINES, TEST_FILE_LINES = 320, 520  # a contract suite for a port is told in one file
FUNCTION_LINES, TEST_FUNCTION_LINES = 60, 100
ONE_PIECE = "ledger/migrations/versions"  # a migration is one list of tables, in Alembic's one function
TOUR = ("api/jobs.py", "jobs/model.py", "jobs/lifecycle.py", "workers/executor.py", "pipelines/parts_list.py")
TOUR_LINES = 240

# file -> (how many, why these cannot be narrower)
BROAD_EXCEPTS: dict[str, tuple[int, str]] = {
    "workers/executor.py": (1, "the one that turns whatever a step did into an Outcome"),
    "workers/sandbox/child.py": (1, "the child's end of the same: a failure becomes a report to the supervisor"),
    "workers/sandbox/template.py": (1, "a preload that breaks must not take the pool along"),
    "workers/dispatcher.py": (1, "the thread's loop: it logs and looks again a second later"),
    "workers/reconcile/requests.py": (1, "the thread's loop: the run's row says that it failed, the next is served"),
    "workers/indexing/writer.py": (3, "all indexing steps hang on its thread: each is told what became of its places"),
    "workers/indexing/indexer.py": (2, "the thread's loop, and one job in it: the mark stays, the others go on"),
    "search/tantivy_view.py": (1, "the thread's loop: whoever waits for the work is told what it raised"),
    "search/breaker.py": (1, "the thread's loop: whoever waits for the question is told, the next one is asked"),
    "workers/heartbeat.py": (1, "the thread's loop: without it every lease of the worker would run out"),
    "broker/publisher.py": (3, "the publisher thread never dies and never raises: the outbox keeps what was not sent"),
    "tests/support/sandbox_steps.py": (1, "an attack that failed is told by its exception, whatever it is"),
    "drill/servers.py": (1, "drivers raise their own kinds; anything at all means: does not answer"),
}

# Written in pieces, so that this file does not break the rules that it states.
MARKS = re.compile("|".join([r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bX" + r"XX\b", "NotImplemented" + "Error"]))
NO_COVER = re.compile("pragma:" + r"\s*no\s*(cover|branch)")
EXEMPTION = re.compile(r"#\s*(noqa|type:\s*ignore|ruff:\s*noqa|mypy:|fmt:\s*off)\b(?P<rest>.*)", re.IGNORECASE)
WELL_EXEMPTED = re.compile(r"\s*(?::\s*[A-Z]+[0-9]*(?:,\s*[A-Z]+[0-9]*)*|\[[a-z-]+(?:,\s*[a-z-]+)*\])\s*(?:-|#)\s*\S.*")
HOSTS = re.compile(
    "|".join(
        [
            r"py" + r"pi\.org",
            "python" + r"hosted\.org",
            "npm" + r"js\.(org|com)",
            "crates" + r"\.io",
            "rubygems" + r"\.org",
            r"deb\." + r"debian\.org",
            r"archive\." + r"ubuntu\.com",
            r"\b(quay|ghcr|gcr)" + r"\.io",
            r"docker\." + r"io/",
            r"--(extra-)?" + r"index-url",
            r"https?://[^\s\"'`)]+\.(whl|tar\.gz|tgz|zip|deb|rpm|exe|msi|AppImage)\b",
        ]
    )
)
MACHINE_PATHS = re.compile(r"(?<![\w.$}{/-])/(" + "wo" + r"rk|ro" + r"ot|home|Users|tmp/de" + r"v)/\w")


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_length__files_and_functions_stay_short(path):
    """A file fits a reader's head, a function a screen."""
    of_tests = path.parts[0] == "tests"
    lines = len(text_of(path).splitlines())
    assert lines <= (TEST_FILE_LINES if of_tests else FILE_LINES), f"{path} has {lines} lines"
    limit = TEST_FUNCTION_LINES if of_tests else FUNCTION_LINES
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= limit
    }
    assert long == {} or str(path).startswith(ONE_PIECE)


@pytest.mark.parametrize("path", TOUR)
def test_length__the_tour_takes_ten_minutes(path):
    """The five files that show the whole flow stay short enough to be read in one go."""
    assert len(text_of(Path(path)).splitlines()) <= TOUR_LINES


def test_marks__nothing_is_left_for_later():
    """No mark of unfinished work stands anywhere, and nothing is hidden from the coverage."""
    here = Path(__file__).resolve().relative_to(ROOT)
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, text in text_files()
        if path != here and path.suffix in {".py", ".toml", ".yml", ".yaml", ".md", ".sh", ""}
        for number, line in enumerate(text.splitlines(), 1)
        if MARKS.search(line) or NO_COVER.search(line)
    ]
    assert found == []


def test_exemptions__carry_code_and_reason():
    """Each exemption from a rule names the rule and says why: `# noqa: S603 - a program that we name`."""
    bare = []
    for path in python_files():
        for token in tokenize.generate_tokens(io.StringIO(text_of(path)).readline):
            if token.type is not tokenize.COMMENT:
                continue
            # Two exemptions may share one comment; each is looked at on its own.
            for part in re.split(r"(?=#\s*(?:noqa|type:\s*ignore))", token.string):
                found = EXEMPTION.match(part)
                if found and not WELL_EXEMPTED.fullmatch(found["rest"]):
                    bare.append(f"{path}:{token.start[0]}: {token.string}")
    assert bare == []


def test_excepts__broad_ones_stand_at_named_places():
    """Only the places in BROAD_EXCEPTS swallow every exception; others narrow it or pass it on."""
    counted = {str(path): len(places) for path in python_files() if (places := swallowing(tree_of(path)))}
    assert counted == {path: times for path, (times, _reason) in BROAD_EXCEPTS.items() if path in counted}
    gone = {path for path in BROAD_EXCEPTS if path not in counted}
    assert gone == set(), "rows of BROAD_EXCEPTS that nothing needs any more"


def test_origin__no_file_names_where_packages_come_from():
    """No index host, registry or download URL stands in the repository: whoever installs it says where from."""
    assert offending(HOSTS) == []


def test_origin__no_file_names_a_machine_of_ours():
    """No path of one particular machine stands in the repository."""
    assert offending(MACHINE_PATHS) == []


def test_secrets__no_setting_has_a_default():
    """A password, token or key is None until somebody sets it, and none is asked for on a terminal."""
    wrong = []
    for path in product_files():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.AnnAssign) and "Secret" in ast.unparse(node.annotation):
                if not (isinstance(node.value, ast.Constant) and node.value.value is None):
                    wrong.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
            elif isinstance(node, ast.Import | ast.ImportFrom) and "getpass" in ast.unparse(node):
                wrong.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
    assert wrong == []


def test_secrets__no_private_key_or_environment_file_is_kept():
    """No `.env` with values and no private key lies in the repository."""
    assert [path for path in files() if path.name == ".env" or path.suffix in {".pem", ".key", ".p12"}] == []


def test_skips__each_has_a_reason():
    """Every skip and expected failure says why, so that the last lines of a run can say it too."""
    silent = []
    for path in python_files("tests"):
        for node in ast.walk(tree_of(path)):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {"pytest.mark.skip", "pytest.mark.xfail"}:
                name = ast.unparse(node)
                if called(tree_of(path), node):
                    continue
                silent.append(f"{path}:{node.lineno}: {name} without a reason")
            if re.fullmatch(r"(pytest\.)?(mark\.)?(skip|skipif|xfail|importorskip)", name) and not reasoned(node, name):
                silent.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
    assert silent == []


def test_tests__open_with_their_expectation():
    """Each test is named `test_<subject>__<case>` and opens with a sentence that states what is expected."""
    wrong = []
    for path in python_files("tests"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                stated = ast.get_docstring(node) or ""
                if not re.fullmatch(r"test_[a-z0-9_]+?__[a-z0-9_]+", node.name) or not stated.rstrip().endswith("."):
                    wrong.append(f"{path}:{node.lineno}: {node.name}")
    assert wrong == []


def test_tests__file_names_are_unique():
    """Two test files of one name would hide each other: the folders are no packages."""
    names = [path.name for path in python_files("tests") if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


def swallowing(tree):
    """Broad handlers that do not end in a `raise`."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and broad(node.type) and not isinstance(node.body[-1], ast.Raise)
    ]


def broad(kind):
    """Whether an `except` takes everything."""
    if kind is None:
        return True
    named = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in named)


def offending(pattern):
    """Lines of the repository that match; this file is written so that it does not."""
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def called(tree, attribute):
    """Whether an attribute such as `pytest.mark.skip` is called, so that it can have a reason."""
    return any(isinstance(node, ast.Call) and node.func is attribute for node in ast.walk(tree))


def reasoned(call, name):
    """Whether a skip carries a reason that is more than an empty string."""
    given = next((word.value for word in call.keywords if word.arg == "reason"), None)
    if given is None and name in {"pytest.skip", "skip", "pytest.mark.skip"} and call.args:
        given = call.args[0]
    return given is not None and not (isinstance(given, ast.Constant) and not given.value)

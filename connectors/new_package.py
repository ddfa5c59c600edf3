"""Files of a package for a new kind of system: an entry point, a connector, and a world and tests for the suites.

The methods come from the contract's and the suites' own sources, so that a new package always matches them. None of
them is written: each raises an error that names it, and every test fails until its author has written them.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from config.text import _
from connectors.contract import CAPABILITIES, CONTRACT
from connectors.outside import GROUP, NAME

WIDTH = 120


def files(name: str, capabilities: Iterable[str]) -> Mapping[str, str]:
    """Return the texts of a new package by path. Accounts is always a capability. Raises `ValueError`. Pure."""
    if not NAME.fullmatch(name):
        raise ValueError(_("the name of a kind has small letters, digits and _ only"))
    known = [capability.__name__ for capability in CAPABILITIES]
    if unknown := sorted(set(capabilities) - set(known)):
        raise ValueError(
            _("{names}: no such capability; known are {known}").format(names=", ".join(unknown), known=", ".join(known))
        )
    asked = {"Accounts", *capabilities}
    included = {base.__name__ for one in CAPABILITIES if one.__name__ in asked for base in one.__mro__}
    chosen = [one for one in known if one in included]
    module, title = f"handover_{name}", "".join(part.capitalize() for part in name.split("_"))
    return {
        "pyproject.toml": PROJECT.format(name=name, module=module, project=module.replace("_", "-"), group=GROUP),
        "README.md": README.format(title=title, name=name, project=module.replace("_", "-"), module=module),
        f"{module}/__init__.py": MANIFEST.format(name=name, module=module, title=title, contract=CONTRACT),
        f"{module}/settings.py": SETTINGS.format(title=title),
        f"{module}/connector.py": _connector(module, title, chosen),
        "tests/world.py": _world(title, chosen),
        "tests/test_conformance.py": _tests(title, chosen),
    }


def _suites() -> Mapping[str, str]:
    """Return the module of the conformance suite of each capability that has one."""
    folder = Path(__file__).parent / "conformance"
    modules = {one.__name__: re.sub(r"(?<!^)(?=[A-Z])", "_", one.__name__).lower() for one in CAPABILITIES}
    return {name: module for name, module in modules.items() if (folder / f"{module}.py").exists()}


class _Source:
    """One of our own modules as its text says it. Importing a suite would need pytest."""

    def __init__(self, module: str) -> None:
        path = Path(__file__).parents[1].joinpath(*module.split("."))
        self.module = module
        tree = ast.parse(path.with_suffix(".py").read_text(encoding="utf-8"))
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self._origin = dict.fromkeys(self.classes, module)
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                self._origin |= dict.fromkeys((alias.name for alias in node.names), node.module or "")
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._origin[node.targets[0].id] = module

    def methods(self, name: str, *, abstract: bool) -> list[ast.FunctionDef]:
        """Return the methods of a class: all of them, with its attributes as properties, or the abstract ones alone."""
        body = self.classes[name].body
        found = [node for node in body if isinstance(node, ast.FunctionDef)]
        if abstract:
            return [one for one in found if "abstractmethod" in map(ast.unparse, one.decorator_list)]
        attributes = [node for node in body if isinstance(node, ast.AnnAssign)]
        words = [node for node in body if isinstance(node, ast.Expr)]
        return [
            *(_property(one, [text for text in words if text.lineno == one.lineno + 1]) for one in attributes),
            *found,
        ]

    def imports(self, methods: Iterable[ast.FunctionDef]) -> Iterator[tuple[str, str]]:
        """Yield module and name of each type in the declarations."""
        for method in methods:
            for node in ast.walk(ast.Module([method.args, method.returns or ast.Constant(None)], [])):  # type: ignore[list-item]
                if isinstance(node, ast.Name) and node.id in self._origin:
                    yield self._origin[node.id], node.id


def _property(attribute: ast.AnnAssign, words: list[ast.Expr]) -> ast.FunctionDef:
    """Return a property in place of an attribute, so that it can be one that is not written."""
    made = ast.parse(
        f"@property\ndef {ast.unparse(attribute.target)}(self) -> {ast.unparse(attribute.annotation)}: ..."
    )
    [method] = made.body
    if not isinstance(method, ast.FunctionDef):
        raise TypeError(ast.unparse(attribute))
    method.body = [*words, *method.body]
    return method


def _connector(module: str, title: str, chosen: Sequence[str]) -> str:
    contract = _Source("connectors.contract")
    methods = [method for one in ("Connector", *chosen) for method in contract.methods(one, abstract=True)]
    imports = [*contract.imports(methods), *((contract.module, one) for one in _without_parents(chosen))]
    return "\n".join(
        [
            f'"""The connector for {title}. Each method says in the contract\'s words what to write."""',
            "",
            *_import_lines([*imports, (f"{module}.settings", f"{title}Settings")]),
            "",
            "",
            *_header(title, chosen),
            f'    """One {title} system. Several threads may use one instance at once."""',
            "",
            f"    def __init__(self, settings: {title}Settings) -> None:",
            "        self._settings = settings",
            *_stubs(title, methods),
            "",
        ]
    )


def _header(title: str, chosen: Sequence[str]) -> Sequence[str]:
    bases = _without_parents(chosen)
    line = f"class {title}({', '.join(bases)}):"
    return [line] if len(line) <= WIDTH else [f"class {title}(", *(f"    {one}," for one in bases), "):"]


def _without_parents(chosen: Sequence[str]) -> list[str]:
    """Return the capabilities that no other chosen one includes: a class header names those alone."""
    known = [capability for capability in CAPABILITIES if capability.__name__ in chosen]
    return [one.__name__ for one in known if not any(one in other.__mro__[1:] for other in known)]


def _world(title: str, chosen: Sequence[str]) -> str:
    suites = _suites()
    sources = {one: _Source(f"connectors.conformance.{suites[one]}") for one in chosen if one in suites}
    imports, lines = [], list[str]()
    for capability, source in sources.items():
        base = f"{capability}World"
        methods = source.methods(base, abstract=False)
        imports += [*source.imports(methods), (source.module, base)]
        name = f"{title}{base}"
        lines += ["", "", f"class {name}({base}):", f'    """The system for the suite of {capability}."""']
        lines += _stubs(name, methods)
    head = f'"""{title} as its owner sees it: no method here goes through the connector, except `connect`."""'
    return "\n".join([head, "", *_import_lines(imports), *lines, ""])


def _tests(title: str, chosen: Sequence[str]) -> str:
    imports, lines, suites = [("pytest", "")], list[str](), _suites()
    for one in chosen:
        if one in suites:
            imports += [(f"connectors.conformance.{suites[one]}", f"{one}Suite"), ("world", f"{title}{one}World")]
            lines += [
                *("", "", f"class Test{one}({one}Suite):", "    @pytest.fixture"),
                f"    def world(self) -> {title}{one}World:",
                f"        return {title}{one}World()",
            ]
        else:
            lines += [
                *("", "", f"def test_{one.lower()}() -> None:"),
                f'    pytest.fail("{one} has no suite: write its tests here")',
            ]
    head = f'"""{title} in the conformance suites of Handover."""'
    return "\n".join([head, "", *_import_lines(imports), *lines, ""])


def _stubs(owner: str, methods: Iterable[ast.FunctionDef]) -> Iterator[str]:
    """Yield the lines of methods that are not written."""
    for method in methods:
        arguments = re.sub(r"(: \w+)=", r"\1 = ", ast.unparse(method.args)).replace("'", '"')
        returns = ast.unparse(method.returns or ast.Constant(None))
        line = f"    def {method.name}({arguments}) -> {returns}:"
        broken = (f"    def {method.name}(", f"        {arguments}", f"    ) -> {returns}:")
        yield ""
        if "property" in map(ast.unparse, method.decorator_list):
            yield "    @property"
            line += "  # type: ignore[override]  # or an attribute"
        yield from (line,) if len(line) <= WIDTH else broken
        if words := ast.get_docstring(method, clean=False):
            yield from f'        """{words}"""'.splitlines()
        yield f'        raise NotImplementedError("write {owner}.{method.name}")'


def _import_lines(imports: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield import statements: of the standard library, of packages, of the new package itself.

    A module without a name is imported whole.
    """
    names = defaultdict[str, set[str]](set)
    for module, name in imports:
        names[module].add(name)
    ordered = sorted(names, key=lambda module: (_place(module), any(names[module]), module))
    for place, modules in groupby(ordered, _place):
        yield from [""] if place > _place(ordered[0]) else []
        for module in modules:
            listed = sorted(names[module], key=lambda name: (not name.isupper(), name.lower()))
            line = f"from {module} import {', '.join(listed)}" if any(listed) else f"import {module}"
            wrapped = (f"from {module} import (", *(f"    {name}," for name in listed), ")")
            yield from (line,) if len(line) <= WIDTH else wrapped


def _place(module: str) -> int:
    first = module.partition(".")[0]
    return 0 if first in sys.stdlib_module_names else 2 if first.startswith("handover_") else 1


PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{project}"
version = "0.1.0"
description = "The kind {name} for Handover"
requires-python = ">=3.11"
dependencies = ["handover-bot"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points."{group}"]
{name} = "{module}"

[tool.hatch.build.targets.wheel]
packages = ["{module}"]

[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]
pythonpath = [".", "tests"]
testpaths = ["tests"]
"""
README = """\
# {title} for Handover

A connector for the kind `{name}`. Nothing is written yet, and every test fails and says what is missing.

1. `pip install --editable '.[test]'`
2. Write `tests/world.py`: the system as its owner sees it, on a real server or a faithful copy.
3. Write `{module}/connector.py` until `pytest` passes.
4. Put what the vendor cannot do into `cannot` in `{module}/__init__.py`, in sentences.
5. `handover connectors` lists the kind, and `handover doctor` checks a table `[systems.NAME]` with `kind = "{name}"`.
"""
MANIFEST = '''\
"""{title} as a kind of system for Handover."""

from connectors.contract import Manifest

from {module}.connector import {title}
from {module}.settings import {title}Settings

MANIFEST = Manifest(
    kind="{name}",
    title="{title}",
    connector={title},
    settings={title}Settings,
    cannot=(),
    contract={contract},
)
'''
SETTINGS = '''\
"""The table `[systems.NAME]` of {title}."""

from config.secrets import Secret
from connectors.settings import SystemSettings
from pydantic import Field


class {title}Settings(SystemSettings):
    """Address and credential."""

    url: str
    """Address of the server."""
    token: Secret
    """The bot's own token."""
    timeout_seconds: float = Field(default=20, gt=0, le=120)
    """Time limit of one request."""
'''

"""Reads the source of the pages, and finds what reaches Markdown or HTML without having been made plain.

Which arguments Streamlit draws as Markdown is read from its own docstrings: a new version brings its own list.
An argument may be made of literals and constants of ours, of ``plain(...)``, of numbers (a format such as ``:,`` says
that it is one), and of what variables and functions of ``lrapp/ui`` hold, if that is made of such things.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from source.markdown_arguments import NEVER, markdown_arguments
from source.modules import Module

ROOT = Path(__file__).parents[2]

_MAKES_NUMBERS = {
    "len",
    "round",
    "int",
    "float",
    "abs",
    "sum",
    "range",
    "number",
    "percent",
    "measured",
    "size",
}
_MADE_OF = {"list", "sorted", "tuple", "reversed", "str", "zip", "enumerate", "map", "max", "min"}
_KEEPS = {"lower", "upper", "capitalize", "strip", "replace", "removesuffix", "removeprefix"}
_NUMERIC = re.compile(r"[deEfFgGn%,]$|^%[A-Za-z]")
_TYPES = {"int", "float", "bool", "None"}


@dataclass(frozen=True)
class Found:
    """An argument that may hold foreign text: where, of what, and the part that was not made plain."""

    place: str
    call: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.call} is given {self.text}"


class Pages:
    """Source files that are read together, so that what one hands to another is followed.

    Args:
        sources: Text of each module by its dotted name.
        reviewed: Expressions (``module: code``) that somebody has looked at: words of ours, though this cannot tell.
    """

    def __init__(self, sources: dict[str, str], reviewed: Sequence[str] = ()) -> None:
        self.modules = {name: Module.of(name, text) for name, text in sources.items()}
        self.reviewed = set(reviewed)
        self.used: set[str] = set()
        self._calls: dict[str, list[tuple[Module, ast.Call]]] = {}
        for module in self.modules.values():
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call):
                    self._calls.setdefault(_last_name(node.func), []).append((module, node))
        self._open: set[tuple[str, int]] = set()

    def found(self) -> list[Found]:
        """Return every argument that may hold foreign text."""
        return [one for module in self.modules.values() for one in self._found(module)]

    def _found(self, module: Module) -> Iterator[Found]:
        for node in ast.walk(module.tree):
            match node:
                case ast.Call(func=ast.IfExp(body=one, orelse=other)):
                    for func in (one, other):
                        yield from self._check(module, node, func)
                case ast.Call():
                    yield from self._check(module, node, node.func)
                case ast.Attribute(value=ast.Name(id="st"), attr=attr) if attr in markdown_arguments():
                    if not self._is_called(module, node):
                        yield Found(
                            f"{module.name}:{node.lineno}", f"st.{attr}", "another name: call it by its own"
                        )
                case ast.keyword(arg="unsafe_allow_html"):
                    yield Found(
                        f"{module.name}:{node.value.lineno}", "unsafe_allow_html", ast.unparse(node.value)
                    )

    @staticmethod
    def _is_called(module: Module, node: ast.Attribute) -> bool:
        func: ast.AST = node
        if isinstance(module.parents[func], ast.IfExp):
            func = module.parents[func]
        parent = module.parents[func]
        return isinstance(parent, ast.Call) and parent.func is func

    def _check(self, module: Module, call: ast.Call, func: ast.expr) -> Iterator[Found]:
        if not isinstance(func, ast.Attribute):
            return
        known = markdown_arguments().get(func.attr)
        if func.attr in NEVER and ast.unparse(func.value) in ("st", "st.column_config"):
            yield Found(
                f"{module.name}:{call.lineno}", ast.unparse(func), "data that it would draw as Markdown"
            )
        owner = func.value
        if known is None or (isinstance(owner, ast.Name) and self._is_other(module, owner.id, func.attr)):
            return
        order, markdown = known
        if not call.args and not call.keywords:
            return
        name = f"{ast.unparse(owner)[:40]}.{func.attr}"
        where = f"{module.name}:{call.lineno}"
        given: list[tuple[str, ast.expr]] = list(zip(order, call.args, strict=False))
        for position, argument in enumerate(call.args):
            if isinstance(argument, ast.Starred):
                given.append(("*", argument))
            elif order and order[0] == "args" and position:
                given.append(("args", argument))
        given += [(one.arg or "**", one.value) for one in call.keywords]
        html = func.attr == "html"
        for parameter, value in given:
            if parameter in ("*", "**") or parameter in markdown:
                if parameter == "format_func" or parameter in ("*", "**"):
                    fine = self.plain(module, value, html=html)
                elif (
                    "format_func" in markdown
                    and parameter == "options"
                    and any(one.arg == "format_func" for one in call.keywords)
                ):
                    continue
                else:
                    fine = self.plain(module, value, html=html)
                if not fine:
                    yield Found(where, f"{name}({parameter})", ast.unparse(value))

    def _is_other(self, module: Module, name: str, attr: str) -> bool:
        """Whether a name stands for something else than a part of a page."""
        if attr == "drawer":
            return name != "resources"
        imported = module.imports.get(name)
        return name in ("log", "str") or (imported is not None and imported != "streamlit")

    # --- what is plain -------------------------------------------------------------------------------------------

    def plain(self, module: Module, node: ast.expr, *, html: bool = False) -> bool:
        """Return whether an expression can hold nothing but words of ours, numbers, and what was made plain."""
        key = f"{module.name}: {ast.unparse(node)}"
        if key in self.reviewed:
            self.used.add(key)
            return True
        mark = (module.name, id(node))
        if (
            mark in self._open
        ):  # a function that calls itself, or a text that grows: what else it is made of tells
            return True
        self._open.add(mark)
        try:
            return self._plain(module, node, html)
        finally:
            self._open.discard(mark)

    def _all(self, module: Module, nodes: Sequence[ast.expr | None], html: bool) -> bool:
        return all(node is None or self.plain(module, node, html=html) for node in nodes)

    def _plain(self, module: Module, node: ast.expr, html: bool) -> bool:
        match node:
            case ast.Constant() | ast.Compare() | ast.UnaryOp():
                return True
            case ast.FormattedValue(value=value, format_spec=spec):
                if (
                    isinstance(spec, ast.JoinedStr)
                    and spec.values
                    and isinstance(spec.values[-1], ast.Constant)
                    and _NUMERIC.search(str(spec.values[-1].value))
                ):
                    return True
                return self.plain(module, value, html=html)
            case (
                ast.JoinedStr(values=parts)
                | ast.BoolOp(values=parts)
                | ast.List(elts=parts)
                | ast.Tuple(elts=parts)
            ):
                return self._all(module, parts, html)
            case ast.Set(elts=parts):
                return self._all(module, parts, html)
            case ast.Dict(keys=keys, values=values):
                return self._all(module, [*keys, *values], html)
            case ast.IfExp(body=one, orelse=other):
                return self._all(module, [one, other], html)
            case ast.BinOp(left=left, op=ast.Add() | ast.BitOr() | ast.Mod() | ast.Mult(), right=right):
                return self._all(module, [left, right], html)
            case ast.BinOp():
                return True  # arithmetic: of texts it would fail
            case ast.Starred(value=value) | ast.NamedExpr(value=value) | ast.Subscript(value=value):
                return self.plain(module, value, html=html)
            case ast.DictComp(key=key, value=value):
                return self._all(module, [key, value], html)
            case ast.GeneratorExp(elt=made) | ast.ListComp(elt=made) | ast.Lambda(body=made):
                return self.plain(module, made, html=html)
            case ast.Call():
                return self._call(module, node, html)
            case ast.Attribute(value=value, attr="title" | "description") if self._is_field(module, value):
                return True  # words of the settings
            case ast.Attribute(value=ast.Name(id=name), attr=attr):
                return self._constant_elsewhere(module, name, attr) or self._function_elsewhere(
                    module, name, attr, html
                )
            case ast.Name(id=name):
                return self._name(module, node, name, html)
        return False

    def _is_field(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression is a field of settings, ``X.model_fields[...]`` or a variable that holds one."""
        while isinstance(node, ast.Subscript):
            node = node.value
        if isinstance(node, ast.Attribute):
            return node.attr == "model_fields"
        function = self._function(module, node)
        if isinstance(node, ast.Name) and function is not None:
            held = [value for _, value in self._assigned(module, function, node.id)]
            return bool(held) and all(self._is_field(module, value) for value in held)
        return False

    def _call(self, module: Module, call: ast.Call, html: bool) -> bool:
        match call.func:
            case (
                ast.Name(id="plain" | "spoken")
                | ast.Attribute(value=ast.Name(id="resources"), attr="plain" | "spoken")
            ):
                return not html
            case ast.Attribute(value=ast.Name(id="html"), attr="escape"):
                return html
            case ast.Name(id="counted"):  # a number and a noun
                return self._all(module, call.args[1:], html)
            case ast.Name(id=name) if name in _MAKES_NUMBERS:
                return True
            case ast.Name(id=name) if name in _MADE_OF:
                return self._all(module, call.args, html)
            case ast.Name(id=name) if name in module.functions:
                return self._returns(module, name, html)
            case ast.Attribute(value=ast.Constant(), attr="join"):
                return self._all(module, call.args, html)
            case ast.Attribute(value=value, attr=attr) if attr in _KEEPS:
                return self._all(module, [value, *call.args], html)
            case ast.Attribute(value=value, attr="get" | "items" | "values" | "keys"):
                return self.plain(module, value, html=html) and self._all(module, call.args[1:], html)
            case ast.Attribute(value=ast.Name(id=name), attr=attr):
                return self._function_elsewhere(module, name, attr, html)
        return False

    def _module_of(self, module: Module, name: str) -> str:
        return module.imports.get(name, "")

    def _function_elsewhere(self, module: Module, name: str, attr: str, html: bool) -> bool:
        other = self.modules.get(self._module_of(module, name))
        return other is not None and attr in other.functions and self._returns(other, attr, html)

    def _returns(self, module: Module, name: str, html: bool) -> bool:
        for function in module.functions[name]:
            if function.returns is not None and ast.unparse(function.returns) in _TYPES:
                continue
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Return)
                    and node.value is not None
                    and self._function(module, node) is function
                    and not self.plain(module, node.value, html=html)
                ):
                    return False
        return True

    def _constant_elsewhere(self, module: Module, name: str, attr: str) -> bool:
        """A text that another module of the program holds by a name in capitals."""
        path = ROOT / (self._module_of(module, name).replace(".", "/") + ".py")
        if attr != attr.upper() or not path.is_file():
            return False
        other = Module.of(self._module_of(module, name), path.read_text("utf-8"))
        value = other.constants.get(attr)
        return value is not None and self.plain(other, value)

    def _function(self, module: Module, node: ast.AST) -> ast.FunctionDef | None:
        at: ast.AST | None = module.parents.get(node)
        while at is not None and not isinstance(at, ast.FunctionDef):
            at = module.parents.get(at)
        return at

    def _name(self, module: Module, node: ast.Name, name: str, html: bool) -> bool:
        at: ast.AST | None = node
        while at is not None:
            at = module.parents.get(at)
            match at:
                case (
                    ast.GeneratorExp(generators=loops)
                    | ast.ListComp(generators=loops)
                    | ast.DictComp(generators=loops)
                ):
                    for loop in loops:
                        if name in _names(loop.target):
                            return self._from(module, loop.target, loop.iter, name, html)
                case ast.Lambda(args=arguments) if name in [one.arg for one in arguments.args]:
                    return False
                case ast.FunctionDef():
                    sources = list(self._assigned(module, at, name))
                    if sources:
                        return all(self._from(module, target, value, name, html) for target, value in sources)
                    parameter = next((one for one in _parameters(at) if one.arg == name), None)
                    if parameter is not None:
                        return self._handed(module, at, parameter, html)
                    if name in [
                        one.name for one in ast.walk(at) if isinstance(one, ast.FunctionDef) and one is not at
                    ]:
                        return self._returns(module, name, html)
        if name in module.constants:
            return self.plain(module, module.constants[name], html=html)
        if name in module.functions:
            return self._returns(module, name, html)
        origin = module.imports.get(name, "")
        other, _, held = origin.rpartition(".")
        if other and held == held.upper():
            path = ROOT / (other.replace(".", "/") + ".py")
            if path.is_file() and held in (found := Module.of(other, path.read_text("utf-8"))).constants:
                return self.plain(found, found.constants[held], html=html)
        return False

    def _assigned(
        self, module: Module, function: ast.FunctionDef, name: str
    ) -> Iterator[tuple[ast.expr, ast.expr]]:
        """What a variable of a function is set to, with the target that takes it apart."""
        for node in ast.walk(function):
            if self._function(module, node) is not function:
                continue
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        if name in _names(target):
                            yield target, value
                case ast.AnnAssign(target=target, value=ast.expr() as value) if name in _names(target):
                    yield target, value
                case ast.AugAssign(target=target, value=value) if name in _names(target):
                    yield target, value
                case ast.NamedExpr(target=target, value=value) if name in _names(target):
                    yield target, value
                case ast.For(target=target, iter=value) if name in _names(target):
                    yield target, value

    def _from(self, module: Module, target: ast.expr, value: ast.expr, name: str, html: bool) -> bool:
        """Whether what a name takes out of a value is plain; a tuple in a tuple is taken apart."""
        if (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            for one, held in zip(target.elts, value.elts, strict=True):
                if name in _names(one):
                    return self._from(module, one, held, name, html)
        if isinstance(target, ast.Tuple) and isinstance(value, ast.IfExp):
            return all(self._from(module, target, one, name, html) for one in (value.body, value.orelse))
        held = self._held(module, value)
        if isinstance(target, ast.Tuple) and isinstance(held, ast.Call) and len(held.args) >= 1:
            if _last_name(held.func) == "enumerate":
                return name in _names(target.elts[0]) or self._each(
                    module, target.elts[1], held.args[0], name, html
                )
            if _last_name(held.func) == "zip":
                pairs = zip(target.elts, held.args, strict=False)
                return all(
                    self._each(module, one, of, name, html) for one, of in pairs if name in _names(one)
                )
        return self._each(module, target, value, name, html)

    def _each(self, module: Module, target: ast.expr, many: ast.expr, name: str, html: bool) -> bool:
        """As ``_from`` for a loop: the target takes each element apart, where it is written down what they are."""
        held = self._held(module, many)
        if isinstance(target, ast.Tuple) and isinstance(held, ast.Call) and _last_name(held.func) == "items":
            assert isinstance(held.func, ast.Attribute)
            table = self._held(module, held.func.value)
            if isinstance(table, ast.Dict):
                if name in _names(target.elts[0]):
                    return self._all(module, table.keys, html)
                return all(self._from(module, target.elts[1], one, name, html) for one in table.values)
        if (
            isinstance(target, ast.Tuple)
            and isinstance(held, ast.Tuple | ast.List)
            and held.elts
            and all(isinstance(one, ast.Tuple) and len(one.elts) == len(target.elts) for one in held.elts)
        ):
            return all(self._from(module, target, one, name, html) for one in held.elts)
        return self.plain(module, many, html=html)

    def _held(self, module: Module, node: ast.expr) -> ast.expr:
        """What a variable was set to, where it was set once; else the expression itself."""
        function = self._function(module, node)
        if not isinstance(node, ast.Name):
            return node
        found = (
            [value for _, value in self._assigned(module, function, node.id)] if function is not None else []
        )
        if not found and node.id in module.constants:
            return module.constants[node.id]
        return found[0] if len(found) == 1 else node

    def _handed(self, module: Module, function: ast.FunctionDef, parameter: ast.arg, html: bool) -> bool:
        """Whether a parameter is plain wherever the function is called; what nobody calls is not."""
        annotation = ast.unparse(parameter.annotation) if parameter.annotation is not None else ""
        if {one.strip() for one in annotation.split("|")} <= _TYPES and annotation:
            return True
        order = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        calls = [
            (where, call)
            for where, call in self._calls.get(function.name, ())
            if where is module or self._module_of(where, _owner(call.func)) == module.name
        ]
        for where, call in calls:
            given = next((one.value for one in call.keywords if one.arg == parameter.arg), None)
            if given is None and parameter.arg in order and order.index(parameter.arg) < len(call.args):
                given = call.args[order.index(parameter.arg)]
            if given is not None and not self.plain(where, given, html=html):
                return False
        return bool(calls)


def _parameters(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _names(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _owner(node: ast.expr) -> str:
    value = node.value if isinstance(node, ast.Attribute) else node
    return value.id if isinstance(value, ast.Name) else ""

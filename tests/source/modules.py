"""A source file, taken apart: its functions, constants and imports by name, and what stands around each part."""

import ast
from dataclasses import dataclass, field


@dataclass
class Module:
    """One source file: its functions and its constants by name."""

    name: str
    tree: ast.Module
    functions: dict[str, list[ast.FunctionDef]] = field(default_factory=dict)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, source: str) -> "Module":
        module = cls(name, ast.parse(source))
        for node in ast.walk(module.tree):
            for child in ast.iter_child_nodes(node):
                module.parents[child] = node
            if isinstance(node, ast.FunctionDef):
                module.functions.setdefault(node.name, []).append(node)
            if isinstance(node, ast.ImportFrom):
                for one in node.names:
                    module.imports[one.asname or one.name] = f"{node.module}.{one.name}"
            elif isinstance(node, ast.Import):
                for one in node.names:
                    module.imports[one.asname or one.name] = one.name
        for node in module.tree.body:
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        names = target.elts if isinstance(target, ast.Tuple) else [target]
                        values = (
                            value.elts
                            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                            else [value]
                        )
                        for variable, held in zip(names, values, strict=False):
                            if isinstance(variable, ast.Name):
                                module.constants[variable.id] = held
                case ast.AnnAssign(target=ast.Name(id=named), value=ast.expr() as value):
                    module.constants[named] = value
        return module

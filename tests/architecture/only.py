"""An import-linter contract that import-linter does not bring: these modules import nothing but what is listed.

A list of what is forbidden forgets what nobody thought of; a list of what is allowed does not. Direct imports
only: what an allowed module imports is its own contract's matter.
"""

from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class Only(Contract):
    """``modules`` (packages, without wildcards) import themselves, what is under ``may_import``, and no more."""

    type_name = "only"

    modules = fields.ListField(subfield=fields.StringField())
    may_import = fields.ListField(subfield=fields.StringField())
    broken_contract_guidance = fields.TextField(required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every direct import of every module. A package that is not there breaks the contract."""
        # import-linter puts plain lists where the class has its fields
        modules, may_import = cast("list[str]", self.modules), cast("list[str]", self.may_import)
        output.verbose_print(verbose, f"Looking at the imports of {', '.join(modules)}")
        found: list[str] = []
        for package in modules:
            if package not in graph.modules:
                found.append(f"{package} is not there")
                continue
            for module in sorted({package, *graph.find_descendants(package)}):
                found += [
                    f"{module} imports {imported}"
                    for imported in sorted(graph.find_modules_directly_imported_by(module))
                    if not any(_within(imported, allowed) for allowed in (package, *may_import))
                ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that is not allowed."""
        for line in check.metadata["found"]:
            output.print_error(line, bold=False)
            output.new_line()


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")

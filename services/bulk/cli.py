"""``pathway import``: a file of columns becomes referrals. Imports what it needs when it runs: other roles do not."""

from pathlib import Path
from typing import Annotated

import typer


def import_file(
    file: Annotated[Path | None, typer.Argument(metavar="FILE.csv", help="A row a referral, headings first.")] = None,
    api: Annotated[str, typer.Option("--api", help="Intake's address.", envvar="PATHWAY_API")] = "",
    programme: Annotated[str, typer.Option("--programme", help="The programme of every row.")] = "",
    columns: Annotated[list[str] | None, typer.Option("--map", metavar="COLUMN=field", help="- leaves it out.")] = None,
    map_file: Annotated[Path | None, typer.Option("--map-file", help="YAML: columns, set.")] = None,
    values: Annotated[list[str] | None, typer.Option("--set", metavar="field=value", help="For every row.")] = None,
    token_file: Annotated[Path | None, typer.Option("--token-file", help="Else the variable PATHWAY_TOKEN.")] = None,
    rejects: Annotated[Path | None, typer.Option("--rejects", help="Default: FILE.rejects.csv.")] = None,
    patience: Annotated[float, typer.Option("--patience", help="Seconds to wait for an API that is away.")] = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask the API about every row; nothing stays.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    fields: Annotated[bool, typer.Option("--fields", help="List the fields that a column can fill, and end.")] = False,
) -> None:
    """Refer everybody in a file, once: the same file again adds nothing, and after a failure does what is left.

    Exit code 0: every row is in. 1: some rows were rejected, and stand in the rejects file. 2: nothing was sent.
    3: not finished; run the same command again.
    """
    from services.bulk.run import Options, run, show_fields

    if fields:
        show_fields(as_json=as_json)
        return
    if file is None or not api or not programme:
        raise typer.BadParameter("give FILE.csv, --api URL and --programme ID")
    asked = Options(
        api, programme, columns or (), map_file, values or (), token_file, rejects, patience, dry_run, as_json
    )
    run(file, asked)

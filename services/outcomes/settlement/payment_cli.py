"""``pathway payment`` and ``remittance``: from a sealed statement to what a bank has paid."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.kernel.decision import Refused
from services.kernel.operations.audit import OperationRefused, Pool
from services.kernel.operations.printing import Actor, AsJson, Lookup, console, show_fields, show_rows, with_pool
from services.kernel.runtime.commands import Commands
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.outcomes.settlement import payment_file, remittance
from services.outcomes.settlement.acts import act
from services.outcomes.settlement.cli import NAME, Confirm, ContractId, MonthOption, Out, book_of, commands_of
from services.outcomes.settlement.proving import prove


class ActKind(StrEnum):
    """What is done with a statement."""

    SUBMIT = "submit"
    APPROVE = "approve"
    QUERY = "query"
    RELEASE = "release"


def payment_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway payment``."""
    app = typer.Typer(no_args_is_help=True, help="Statements on their way to payment, and payment files.")

    @app.command("act")
    def do(
        kind: Annotated[ActKind, typer.Argument(help="What is done with the statement.")],
        contract: ContractId,
        month: MonthOption,
        actor: Actor,
        entry: Annotated[str | None, typer.Option("--entry", help="The line, by its entry's id.")] = None,
        reason: Annotated[str | None, typer.Option("--reason", help="Why, as a code: evidence_unclear.")] = None,
    ) -> None:
        """Hand in, approve, query or release. Two acts on one statement need two persons."""
        of_line = kind in {ActKind.QUERY, ActKind.RELEASE}
        if of_line != (entry is not None and reason is not None):
            raise typer.BadParameter("--entry and --reason belong to query and release", param_hint="--entry")
        fields = {"entry_id": entry or "", "reason": reason or ""} if of_line else {}

        async def work(pool: Pool, service: Service, _: Settings) -> str:
            return await _act(commands_of(pool, service), kind, (contract, month), actor, fields)

        console.print(f"{contract} {month}: {with_pool(lookup, NAME, work)}")

    @app.command("export")
    def export(contract: ContractId, month: MonthOption, actor: Actor, out: Out = None) -> None:
        """Make the payment file of an approved statement; once. Refused while the books differ."""

        async def work(pool: Pool, service: Service, settings: Settings) -> payment_file.PaymentFile:
            return await _export(pool, service, settings, (contract, month), actor)

        _write(with_pool(lookup, NAME, work), out)

    @app.command("file")
    def again(contract: ContractId, month: MonthOption, out: Out = None) -> None:
        """Give a payment file again, byte for byte."""

        async def work(pool: Pool, _: Service, settings: Settings) -> payment_file.PaymentFile:
            async with pool.acquire() as connection:
                return await payment_file.again(connection, book_of(settings), contract, month)

        _write(with_pool(lookup, NAME, work), out)

    return app


def _write(made: payment_file.PaymentFile, out: Path | None) -> None:
    if out is None:
        typer.echo(made.content.decode(), nl=False)
    else:
        out.write_bytes(made.content)
        console.print(f"{made.lines} lines, {made.payable_pence} pence, SHA-256 {made.sha256}", soft_wrap=True)


def remittance_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway remittance``."""
    app = typer.Typer(no_args_is_help=True, help="What a bank says was paid.")

    @app.callback()
    def remittances() -> None:
        """What a bank says was paid."""

    @app.command("import")
    def bring_in(
        file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV.")],
        actor: Actor,
        confirm: Confirm = False,
        as_json: AsJson = False,
    ) -> None:
        """Post a remittance file, whole or not at all. Exit codes: 0; 1 faults, each with its line."""

        async def work(pool: Pool, service: Service, _: Settings) -> remittance.Imported:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                return await remittance.bring_in(commands_of(pool, service), lines, by=actor, confirm=confirm)

        done = with_pool(lookup, NAME, work)
        if done.faults:
            rows = [{"line": f.line, "code": f.code, "message": f.message} for f in sorted(done.faults, key=_line)]
            show_rows("Nothing was posted", rows, as_json=as_json)
            raise typer.Exit(1)
        told = {"posted": done.posted, "known": done.known, "amount_pence": done.amount_pence, "applied": confirm}
        show_fields("Remittance", told, as_json=as_json)

    return app


def _line(fault: remittance.Fault) -> int:
    return fault.line


async def _act(
    commands: Commands, kind: ActKind, statement: tuple[str, str], actor: str, fields: dict[str, str]
) -> str:
    try:
        async with commands.begin() as tx:
            done = await act(tx, kind.value, *statement, actor, **fields)
    except Refused as refused:
        raise OperationRefused(refused.reasons[0].code, refused.reasons[0].message) from refused
    stage: str = done.state.months[statement[1]].stage.value
    return stage


async def _export(
    pool: Pool, service: Service, settings: Settings, statement: tuple[str, str], actor: str
) -> payment_file.PaymentFile:
    async with pool.acquire() as connection:
        proof = await prove(connection)
    if not proof.equal:
        raise OperationRefused("books_differ", f"nothing is paid while the books differ: {proof.differences[0]}")
    try:
        async with commands_of(pool, service).begin() as tx:
            return await payment_file.export(tx, book_of(settings), *statement, actor)
    except Refused as refused:
        raise OperationRefused(refused.reasons[0].code, refused.reasons[0].message) from refused

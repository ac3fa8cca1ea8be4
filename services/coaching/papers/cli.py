"""``pathway papers``: samples of the pages, and which letters wait. No name is in either but a made-up one."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from services.coaching.caseload.reading import Reach
from services.coaching.domain.dates import london_day
from services.coaching.domain.papers.letters import LetterState
from services.coaching.domain.papers.permitting import View
from services.coaching.papers import sample
from services.coaching.papers.letter_list import Wanted, letter_view, letters
from services.coaching.service import build
from services.kernel.clock import system_clock
from services.kernel.operations.audit import Pool
from services.kernel.operations.printing import AsJson, Lookup, show_rows, with_pool
from services.kernel.service import Service
from services.kernel.settings import Settings

NAME = "coaching"

WantedView = Annotated[View | None, typer.Option("--to", help="Only letters to these.")]
WantedState = Annotated[LetterState | None, typer.Option("--state", help="Only those that stand so.")]
Unanswered = Annotated[bool, typer.Option("--unanswered", help="Only those whose answer was awaited, the first first.")]
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The London day that is asked about; today.")
]
Provider = Annotated[str | None, typer.Option("--provider", help="Only this provider's; all.")]
Coach = Annotated[str | None, typer.Option("--coach", help="Only this coach's; all.")]

_SHOWN = ("letter_id", "referral_id", "coach", "view", "state", "queued_on", "sent_on", "answer_by", "overdue")


def paper_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway papers``."""
    app = typer.Typer(no_args_is_help=True, help="Pages to print, and letters.")

    @app.command("sample")
    def show_sample(
        view: Annotated[View, typer.Argument(help="For whom it is written.")],
        out: Annotated[Path | None, typer.Option("--out", help="A file to write it to; standard output.")] = None,
    ) -> None:
        """Print the page of a made-up person's plan, as HTML. Exit codes: 0; 2 a wrong word."""
        text = sample.page(view, build().policy())
        if out is None:
            typer.echo(text)
        else:
            out.write_text(text, "utf-8")

    @app.command("letters")
    def list_letters(
        view: WantedView = None,
        state: WantedState = None,
        unanswered: Unanswered = False,
        as_of: AsOf = None,
        provider: Provider = None,
        coach: Coach = None,
        as_json: AsJson = False,
    ) -> None:
        """List letters as they were queued, unanswered ones by the day of the answer; what keeps one, with its code.

        Exit codes: 0; 1 out of reach; 2 a wrong option.
        """
        now = system_clock()
        day = london_day(now) if as_of is None else as_of.date()
        wanted = Wanted(day, view=view, state=state, unanswered=unanswered)
        reach = Reach(None, provider, None if coach is None else frozenset({coach}), free=False)

        async def work(pool: Pool, service: Service, _: Settings) -> list[dict[str, Any]]:
            rows = await letters(pool, reach, wanted)
            return [letter_view(row, day, now, service.read_state).model_dump(mode="json") for row in rows]

        found = with_pool(lookup, NAME, work)
        shown = found if as_json else [_line(one) for one in found]
        show_rows("Letters", shown, as_json=as_json)

    return app


def _line(letter: dict[str, Any]) -> dict[str, Any]:
    return {**{name: letter[name] for name in _SHOWN}, "why_not": ", ".join(why["code"] for why in letter["why_not"])}

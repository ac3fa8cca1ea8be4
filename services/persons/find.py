"""Who is meant: a pseudonym, or whoever has an NHS number."""

import getpass
import sys

from services.contracts.identifiers import is_nhs_number
from services.intake.export import person_with
from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.held import open_reader
from services.kernel.settings import Settings

ASK = "-"
"""In place of a number: it is asked for, and stands in no list of processes and in no shell's history."""
TYPED = (
    "an NHS number on a command line stands in the list of processes, for everybody on this machine; write "
    '--nhs-number - and type it when asked, or give it on standard input: ... --nhs-number - <<< "$number"'
)


def asked_number(given: str | None) -> str | None:
    """Return an NHS number, without spaces, where one is to be asked for (``-``); never what stood on the command line.

    Raises OperationRefused for what is none; the message does not repeat it.
    """
    if given is None:
        return None
    typed = getpass.getpass("NHS number: ") if sys.stdin.isatty() else sys.stdin.readline()
    number = "".join(typed.split())
    if not is_nhs_number(number):
        raise OperationRefused(
            "nhs_number_invalid", "this is no NHS number: ten digits, the last one checks the others"
        )
    return number


async def find(settings: Settings, person: str | None, nhs_number: str | None) -> str:
    """Return the pseudonym of who is meant; exactly one of both is given.

    Raises OperationRefused: ``name_one_person``, ``unknown_person``.
    """
    if (person is None) == (nhs_number is None):
        raise OperationRefused("name_one_person", "name a person by the pseudonym or by --nhs-number, not by both")
    if nhs_number is None:
        assert person is not None  # noqa: S101  looked at above
        return person
    async with open_reader(settings.service_url("intake")) as connection:
        found = await person_with(connection, nhs_number)
    if found is None:
        raise OperationRefused("unknown_person", "nobody with this NHS number is known here")
    return found

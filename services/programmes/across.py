"""What must hold between files: the versions of one programme, and the areas of one national programme."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise

from services.kernel.money import pounds
from services.programmes.book import version_key
from services.programmes.document import Document, Path_, Problem
from services.programmes.model import AnyProgramme, Programme
from services.programmes.nesting import area_tier
from services.programmes.tiers import National

Read = tuple[Document, AnyProgramme]


def problems_across(reads: Sequence[Read]) -> list[Problem]:
    """Return all that is wrong between files, each at the file that a person would change."""
    return [*version_problems(reads), *national_problems(reads)]


def version_problems(reads: Sequence[Read]) -> list[Problem]:
    """Return where versions of one programme overlap, repeat or run backwards."""
    found: list[Problem] = []
    for same in _by_programme(reads).values():
        for (_, earlier), (document, later) in pairwise(same):
            found += _order(document, earlier, later)
    return found


def _by_programme(reads: Sequence[Read]) -> dict[str, list[Read]]:
    by_id: dict[str, list[Read]] = {}
    for read in reads:
        by_id.setdefault(read[1].programme, []).append(read)
    for same in by_id.values():
        same.sort(key=lambda pair: (pair[1].effective_from, version_key(pair[1].version)))
    return by_id


def _order(document: Document, earlier: AnyProgramme, later: AnyProgramme) -> Iterator[Problem]:
    names: Mapping[str, str] = {"a": f"version {earlier.version}", "b": f"version {later.version}"}
    if earlier.version == later.version:
        yield document.problem(("version",), "repeated", f"There are two files of {names['a']}.", "Number it anew.")
    elif version_key(earlier.version) > version_key(later.version):
        message = f"{names['b']} takes effect after {names['a']} but has the lower number."
        yield document.problem(("version",), "version_order", message, "Number versions in order of effect.")
    if earlier.serves != later.serves:
        message = f"{names['a']} serves {earlier.serves}; what a programme serves never changes."
        yield document.problem(("serves",), "serves_changed", message, "Give it an id of its own.")
    if getattr(earlier, "synthetic", False) != getattr(later, "synthetic", False):
        message = f"{names['a']} and {names['b']} do not agree whether the programme is synthetic."
        yield document.problem(("synthetic",), "synthetic_changed", message, "Give it an id of its own.")
    goes_on = earlier.effective_to is not None and earlier.effective_to >= later.effective_from
    if goes_on or earlier.effective_from == later.effective_from:
        message = f"It takes effect on {later.effective_from}, while {names['a']} is in effect."
        fix = "Versions never overlap: let this one start later."
        yield document.problem(("effective_from",), "overlapping_versions", message, fix)


def national_problems(reads: Sequence[Read]) -> list[Problem]:
    """Return where areas of one national programme contradict it or one another, on any day.

    On each day on which a version takes effect: the national tier is equal in all; the areas' known people
    and money are together no more than the nation's; files that hold the national rule hold the same.
    """
    found: list[Problem] = []
    by_programme = _by_programme(reads)
    for day in sorted({programme.effective_from for _, programme in reads}):
        groups: dict[str, list[tuple[Read, National]]] = {}
        for versions in by_programme.values():
            read = _in_effect(versions, day)
            national = read[1].tiers.national if read else None
            if read is not None and national is not None:
                groups.setdefault(national.id, []).append((read, national))
        for group in groups.values():
            found += [*_national_tiers(group), *_shares(group), *_national_rule([read for read, _ in group])]
    return list(dict.fromkeys(found))


def _in_effect(versions: Sequence[Read], day: date) -> Read | None:
    begun = [read for read in versions if read[1].effective_from <= day]
    if not begun:
        return None
    end = begun[-1][1].effective_to
    return begun[-1] if end is None or day <= end else None


def _national_tiers(group: Sequence[tuple[Read, National]]) -> Iterator[Problem]:
    ((most, _),) = Counter(national for _, national in group).most_common(1)
    for (document, _), national in group:
        if national != most:
            wrong = [name for name in type(national).model_fields if getattr(national, name) != getattr(most, name)]
            message = f"{', '.join(wrong)} of the national tier {national.id!r} differ from the other areas' files."
            fix = "The national tier is equal in all files that name it."
            yield document.problem(("tiers", "national"), "national_tier_differs", message, fix)


def _shares(group: Sequence[tuple[Read, National]]) -> Iterator[Problem]:
    areas = {document.file: area_tier(p.tiers) for (document, p), _ in group}
    people = {file: area.known("participants") for file, area in areas.items()}
    money = {file: area.known("ceiling_pence") for file, area in areas.items()}
    fix = "The areas' known parts are together no more than the whole."
    for (document, _), national in group:
        at = ("tiers", "area")
        if national.participants and people[document.file] and sum(people.values()) > national.participants:
            message = f"The areas have {sum(people.values()):,} participants, the nation {national.participants:,}."
            yield document.problem((*at, "participants"), "areas_exceed_participants", message, fix)
        if national.ceiling_pence and money[document.file] and sum(money.values()) > national.ceiling_pence:
            message = f"The areas have {pounds(sum(money.values()))}, the nation {pounds(national.ceiling_pence)}."
            yield document.problem((*at, "ceiling_pence"), "areas_exceed_ceiling", message, fix)


def _national_rule(reads: Sequence[Read]) -> Iterator[Problem]:
    """Yield where files differ in what must be equal: the national rule whole, required parts in every file."""
    whole: list[tuple[Document, Path_, str]] = []
    parts: dict[str, list[tuple[Document, Path_, str]]] = {}
    for document, programme in reads:
        if not isinstance(programme, Programme) or programme.tiers.national is None:
            continue
        joining = programme.joining
        if joining.rule == "national":
            asked = [(part.code, part.when) for part in joining.eligibility]
            said = repr((asked, sorted(joining.definitions.items())))
            whole.append((document, ("joining", "eligibility"), said))
        for index, part in enumerate(joining.eligibility):
            if part.code in programme.tiers.national.requires:
                at = ("joining", "eligibility", index, "when")
                parts.setdefault(part.code, []).append((document, at, repr(part.when)))
    for document, path in _odd(whole):
        message = "It says that it holds the national rule, and asks something else than the other areas' files."
        yield document.problem(
            path, "national_rule_differs", message, "Hold the same conditions, or write rule: local."
        )
    for code, same in parts.items():
        for document, path in _odd(same):
            message = f"The national programme requires {code!r}; the other areas' files ask it otherwise."
            yield document.problem(
                path, "national_requirement_differs", message, "Ask it in the same way in all files."
            )


def _odd(said: Sequence[tuple[Document, Path_, str]]) -> Iterator[tuple[Document, Path_]]:
    """Yield those that do not say what most say."""
    most = Counter(words for _, _, words in said).most_common(1)
    yield from ((document, at) for document, at, words in said if words != most[0][0])

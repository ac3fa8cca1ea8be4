"""The page: what it is, safety first, every rule with its cases, the order of a package, the tools."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from services.contracts.codes import RedFlag, SafetyLevel, Support
from services.contracts.instruments import INSTRUMENTS
from services.contracts.red_flags import ADVICE, EMERGENCY_ITEMS, HOLD_ITEMS, URGENT_ITEMS
from services.triage.domain.rules import Fallback, Item, RedFlagRule, Rule, RuleSet
from services.triage.explanation.words import INTENSITIES, RED_FLAGS, SUPPORTS, listed
from services.triage.rule_book.cases import baseline_points, table
from services.triage.rule_book.conditions import points
from services.triage.rulefile import load_rules

INTRODUCTION: Final = """\
# The rule book

What triage recommends, rule by rule, in plain English, with the cases that the rules are tested against. It is made
from the rule files by `make rule-book`, and a test holds the two equal: what stands here is what runs.

**Triage recommends; a person decides.** A coach confirms or changes every recommendation. Nobody is refused by a rule.
Thresholds are those of the published tools. Who is matched with what is the makers' reading [design], and the
deployer's clinical safety officer must approve it before use.

## How to read it
- A question that nobody asked is **not known**. That is never a no. A rule counts only when all that it needs is known.
- Several rules can count at once. The result is a package: first things first.
- The rules of one need compete. The first that is true wins, unless a stronger rule takes its place.
- Each rule has a table of cases. A case begins with a person who was asked everything and needs nothing, and says what
  is otherwise. "Counts" says whether the rule gives anything in that case.
"""
_LEVELS: Final = {
    SafetyLevel.EMERGENCY: ("Emergency", EMERGENCY_ITEMS),
    SafetyLevel.HOLD: ("Hold", HOLD_ITEMS),
    SafetyLevel.URGENT: ("Urgent, only together with back pain", URGENT_ITEMS),
}


def book_of(paths: Iterable[Path]) -> str:
    """Return the rule book of rule files, the fullest first. Raises FileRefused."""
    return page(sorted(map(load_rules, paths), key=lambda rules: -len(rules.rules)))


def page(files: Sequence[RuleSet]) -> str:
    """Return the rule book of ``files``: the first whole, of the others what is not the same, word for word."""
    lines = [INTRODUCTION, *_safety(), *_tools()]
    told: dict[object, str] = {}
    for rules in files:
        lines += _file(rules, told)
    return "\n".join(lines).rstrip() + "\n"


def _safety() -> Iterator[str]:
    yield "## Safety questions"
    yield "They are read before any rule. No rule file can change what a positive answer is.\n"
    for level, (title, items) in _LEVELS.items():
        asked = [f"- {RED_FLAGS[flag]}" for flag in RedFlag if flag in items]
        if level is SafetyLevel.HOLD:
            asked.append("- an answer of 1 or more to item 9 of the PHQ-9, whatever the sum")
        yield f"**{title}**\n"
        yield from asked
        yield f"\nThe person is told: *{ADVICE[level]}*\n"


def _tools() -> Iterator[str]:
    yield "## The questionnaires"
    yield "Scores only; the wording of the questions is not here.\n"
    yield "| tool | scores | bands | a case from | a reliable change |"
    yield "|---|---|---|---|---|"
    for tool in INSTRUMENTS.values():
        tops = [band.lowest - 1 for band in tool.bands[1:]] + [tool.high]
        bands = (f"{b.lowest} to {top} {b.code.replace('_', ' ')}" for b, top in zip(tool.bands, tops, strict=True))
        case, change = tool.caseness or "none", tool.reliable_change or "not published"
        yield f"| {tool.title} | {tool.low} to {tool.high} | {', '.join(bands)} | {case} | {change} |"
    yield ""


def _file(rules: RuleSet, told: dict[object, str]) -> Iterator[str]:
    yield f"# {rules.title}"
    yield f"`{rules.ruleset}`, version {rules.version}, published {rules.published_on}, SHA-256 `{rules.sha256}`.\n"
    if rules.baseline is not None:
        yield "**The person whom every case begins with**\n"
        yield from baseline_points(rules.baseline.given)
        yield "- every safety question was answered no\n"
    same = []
    for rule in rules.every_rule():
        key = _key(rule, rules)
        if key in told:
            same.append(rule.id)
            continue
        told[key] = rules.title
        yield from _rule(rule, rules)
    if same:
        yield f"## The same as above, word for word\n\n{listed(same)}. Their cases are tested for this file too.\n"
    yield from _order(rules)
    yield from _intensity(rules)


def _key(rule: RedFlagRule | Rule | Fallback, rules: RuleSet) -> object:
    """Return all that makes a rule what it is; definitions count where it can name one."""
    condition = () if isinstance(rule, RedFlagRule) else tuple(points(rule.when, rules))
    return rule.model_dump_json(exclude={"when"}), condition, tuple(_facts(rule, rules))


def _rule(rule: RedFlagRule | Rule | Fallback, rules: RuleSet) -> Iterator[str]:
    yield f"## {rule.id} {rule.title}"
    yield f"{rule.text}\n"
    if not isinstance(rule, RedFlagRule):
        yield "**It counts when**\n"
        yield from points(rule.when, rules)
        if isinstance(rule, Fallback):
            yield "- or when no other rule gives anything"
        yield ""
    yield from (f"- {line}" for line in _facts(rule, rules))
    yield ""
    yield from table(case for case in rules.cases if case.rule == rule.id)
    yield ""


def _facts(rule: RedFlagRule | Rule | Fallback, rules: RuleSet) -> Iterator[str]:
    for item in rule.package:
        yield f"Gives: {_item(item)}" + ("" if item.when is None else f", where {_where(item, rules)}")
    match rule:
        case RedFlagRule(suppresses="all"):
            yield "Stops everything else until a named person has acknowledged it"
        case RedFlagRule():
            stopped = [SUPPORTS[Support(support)] for support in rule.suppresses]
            yield f"Stops until a named person has acknowledged it: {listed(stopped)}"
        case Rule():
            yield f"Need: {rules.needs[rule.need]}"
            yield from _scope(rule)
            if rule.suppresses:
                yield f"Takes the place of: {listed(list(rule.suppresses))}"
    if not isinstance(rule, RedFlagRule) and rule.alternatives:
        yield f"Other choices: {listed([SUPPORTS[support] for support in rule.alternatives])}"


def _item(item: Item) -> str:
    return SUPPORTS[item.support] + (f" ({INTENSITIES[item.intensity]})" if item.intensity else "")


def _where(item: Item, rules: RuleSet) -> str:
    assert item.when is not None  # noqa: S101  as its caller asks
    return "; ".join(line.strip().removeprefix("- ") for line in points(item.when, rules))


def _scope(rule: Rule) -> Iterator[str]:
    if rule.areas:
        yield f"Only in: {listed(list(rule.areas))}"
    if rule.starts is not None:
        yield f"For referrals from {rule.starts}"
    if rule.ends is not None:
        yield f"For referrals to {rule.ends}"


def _order(rules: RuleSet) -> Iterator[str]:
    yield "## First things first: the order of a package"
    for number, place in enumerate(rules.sequence, 1):
        after = f", after {listed([SUPPORTS[support] for support in place.after])}" if place.after else ""
        yield f"{number}. {SUPPORTS[place.support]}{after}"
    yield ""


def _intensity(rules: RuleSet) -> Iterator[str]:
    expected = rules.intensity
    yield "## How much support is expected"
    usual = "with a key worker" if expected.usual == "key_worker" else "light touch"
    yield f"Usually {usual}. With a key worker when one of the supports has one, when {expected.needs_at_least} or more"
    yield (
        "needs are answered at once, or when one of these is true:\n"
        if expected.key_worker
        else "needs are answered at once."
    )
    for reason in expected.key_worker:
        yield f"- {reason.text}"
        yield from (f"  {line}" for line in points(reason.when, rules))
    yield ""

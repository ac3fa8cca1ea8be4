"""What a decision of triage follows: the programmes, and the rule sets bound to them."""

from collections.abc import Iterable
from datetime import date

from services.programmes.book import ProgrammeBook
from services.triage.domain.matching import Engine
from services.triage.domain.rules import RuleSet


class UnknownRuleset(LookupError):
    """A programme names a rule set that is not there."""


class RuleBook:
    """Every version of every rule set, by id and version."""

    def __init__(self, rulesets: Iterable[RuleSet]) -> None:
        self._by_ref = {(rules.ruleset, rules.version): rules for rules in rulesets}

    def find(self, ruleset: str, version: str) -> RuleSet | None:
        """Return a rule set, or None."""
        return self._by_ref.get((ruleset, version))


class TriagePolicy:
    """Programmes and rules, compiled once."""

    def __init__(self, book: ProgrammeBook, rules: RuleBook) -> None:
        self.book = book
        self.rules = rules
        self._engines: dict[tuple[str, str, str | None], Engine] = {}
        for programme in book:
            wanted = programme.matching.ruleset
            found = rules.find(wanted.id, wanted.version)
            if found is None:
                name = f"{programme.programme} {programme.version}"
                raise UnknownRuleset(f"{name} names the rule set {wanted.id} {wanted.version}, which is not there")
            key = (programme.programme, programme.version)
            self._engines[*key, None] = Engine(found, programme.matching.parameters())
            for place in programme.tiers.localities:
                if place.out_of_work_limit_days is not None:
                    parameters = programme.matching.parameters(place.out_of_work_limit_days)
                    self._engines[*key, place.code] = Engine(found, parameters)

    def engine(self, programme: str, on: date, locality: str | None = None) -> Engine:
        """Return the rules for a referral made on a day, under the locality's limit where it has its own.

        Raises NoProgramme when no file covers the day.
        """
        version = self.book.version_for(programme, on)
        key = (version.programme, version.version)
        return self._engines.get((*key, locality)) or self._engines[*key, None]

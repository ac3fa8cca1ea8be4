"""What each page shows, what it must not, and that it can be read: on paper, by anybody, in plain English."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from services.coaching.domain.consents import history
from services.coaching.domain.papers.pages import EmployerPage, gp_page
from services.coaching.domain.papers.permitting import View
from services.coaching.papers import sample, words
from services.coaching.papers.contact import Contact
from services.coaching.papers.making import page_of
from services.coaching.papers.rendering import security_headers, style
from services.contracts.consent import ConsentHistory, NotPermitted
from tests.parts.readability import reading_age
from tests.unit.coaching.desk import policy

NOW = datetime(2025, 6, 2, 9, tzinfo=UTC)
WHO = Contact(given_name="Zebedee", family_name="Marker", postcode="ZZ9 9ZZ")
VOID = {"meta", "br", "hr"}


def html(view: View, **snapshot: Any) -> str:
    plan = sample.plan(**snapshot)
    return page_of(plan, view, sample.ON, history(plan, NOW), WHO, policy(), sample.LETTER, sample.FIT_NOTES)


class Reader(HTMLParser):
    """The text of a page as a person reads it, its tags in order, and whether all are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.pieces)).strip()


PRIVATE = ("5b7c1f60", "coach-sample", "0192f3a1", "score", "PHQ", "GAD", "finding", "rule", "urgen", "hold", "triage")
"""Ids, pseudonyms and words of ours that stand on no page."""

SHOWN = {
    View.PARTICIPANT: ("Zebedee Marker", "ZZ9 9ZZ", "Go back to work", "Debt", "9 June 2025", "999", "111", "option 2"),
    View.GP: (
        *("Zebedee Marker", "ZZ9 9ZZ", "Physiotherapy", "step 2", "with difficulty", "16 June 2025", "In place"),
        *("Not fit for work", "May be fit for work: phased return to work, altered hours", "11 May 2025"),
        "Physiotherapist",
    ),
    View.EMPLOYER: ("Zebedee Marker", "Phased return to work", "Altered hours", "Equipment", "30 June 2025"),
}
FIT_NOTES = ("it note", "ot fit", "ay be fit", "1 April 2025", "19 May 2025", "Physiotherapist", "Doctor", "Issued")
"""What the fit notes of the sample would leave on a page."""
HIDDEN = {
    View.PARTICIPANT: ("Refused", "travel", "step 2", *FIT_NOTES),
    View.GP: (
        *("Debt", "Go back to work", "Travel", "How people get on", "pay", "money", "goal"),
        *("gap", "Gap", "overlap", "Overlap", "12 May 2025", "18 May 2025", "3 months", "three months", "too long"),
    ),
    View.EMPLOYER: (
        *FIT_NOTES,
        *("ZZ9", "Debt", "Go back to work", "health", "Health", "condition", "therap", "step-1", "coun" + "selling"),
        *("WorkWell", "Growth Company", "GP", "NHS", "off sick", "struggling", "difficulty", "steps", "goal"),
        *("review of", "session", "barrier", "refused", "Refused", "travel", "Travel", "version"),
    ),
}


@pytest.mark.parametrize("view", View)
def test_a_page_shows_what_it_is_for(view: View) -> None:
    text = Reader(html(view)).text.lower()
    assert [marker for marker in SHOWN[view] if marker.lower() not in text] == []


@pytest.mark.parametrize("view", View)
def test_a_page_shows_nothing_else(view: View) -> None:
    page = html(view)
    text = Reader(page).text
    assert [marker for marker in HIDDEN[view] if marker in text] == []
    assert [marker for marker in PRIVATE if marker.lower() in page.replace(style(), "").lower()] == []


@pytest.mark.parametrize("view", View)
def test_the_markers_would_be_found(view: View) -> None:
    text = f"{Reader(html(view)).text} {' '.join((*HIDDEN[view], *PRIVATE))}"
    assert all(marker in text for marker in (*HIDDEN[view], *PRIVATE))


def test_an_employers_page_holds_adjustments_and_nothing_else() -> None:
    assert set(EmployerPage.model_fields) == {"referral_id", "permission", "plan_version", "made_on", "adjustments"}
    assert html(View.EMPLOYER) == html(View.EMPLOYER, **dict.fromkeys(("goals", "steps", "barriers"), ()))
    assert html(View.EMPLOYER) != html(View.EMPLOYER, adjustments=())


def test_the_gps_page_has_each_fit_note_once_by_its_days() -> None:
    plan, (first, second) = sample.plan(), sample.FIT_NOTES
    made = gp_page(plan, sample.ON, history(plan, NOW), (second, first, second))
    assert made.fit_notes == (first, second)
    assert "Fit notes" not in Reader(page_of(plan, View.GP, sample.ON, history(plan, NOW), WHO, policy())).text


def test_a_page_without_its_consent_cannot_be_made() -> None:
    for consent, view in (("share_with_gp", View.GP), ("share_with_employer", View.EMPLOYER)):
        consents = sample.plan().plan.model_dump(mode="json")["consents"]
        for word in (None, {"given": False, "on": "2025-05-01", "channel": "phone"}):
            with pytest.raises(NotPermitted):
                html(view, consents={**consents, consent: word})
    with pytest.raises(NotPermitted):
        gp_page(sample.plan(), sample.ON, ConsentHistory.of(sample.plan().referral_id, ()))


@pytest.mark.parametrize("view", View)
def test_a_page_is_well_formed_and_accessible(view: View) -> None:
    page = html(view)
    read = Reader(page)
    assert read.open == []
    tags = [tag for tag, _ in read.tags]
    assert dict(read.tags)["html"]["lang"] == "en-GB"
    assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all("scope" in attrs for tag, attrs in read.tags if tag == "th")
    assert {"script", "img", "link", "iframe", "object", "form"}.isdisjoint(tags)
    assert not re.search(r"https?:|url\(|@import|\son\w+=|javascript:", page)


def test_print_is_large_black_on_white_and_a4() -> None:
    assert 'class="large"' in html(View.PARTICIPANT)
    sheet = style()
    assert "size: A4" in sheet
    assert set(re.findall(r"#[0-9a-fA-F]{3,6}", sheet)) == {"#000", "#fff"}
    points = {name: float(size) for name, size in re.findall(r"(body(?:\.large)?) \{[^}]*font-size: (\d+)pt", sheet)}
    assert points == {"body": 12.0, "body.large": 18.0}
    relative = [float(size) for size in re.findall(r"font-size: ([\d.]+)em", sheet)]
    assert min(relative) >= 1  # nothing is smaller than the text
    assert len(re.findall(r"font-size: [\d.]+p[tx]", sheet)) == 2


def test_what_has_started_comes_first_then_what_can_start_by_its_day() -> None:
    named = {step["step_id"]: step for step in sample.plan().model_dump(mode="json")["plan"]["steps"]}
    steps = (
        {**named["step-2"], "due_on": "2025-06-03"},
        {**named["step-3"], "due_on": None},
        {**named["step-4"], "after": [], "due_on": "2025-06-20"},
        {**named["step-1"], "due_on": None},
    )
    text = Reader(html(View.PARTICIPANT, steps=steps)).text
    words_of = ("Physiotherapy", "Technology that", "NHS Talking Therapies", "A talk with")
    places = [text.index(name) for name in words_of]
    assert places == sorted(places)


def test_two_barriers_in_health_are_named_once() -> None:
    """Which conditions they are stands on no page, so the line would be there twice."""
    barriers = [barrier.model_dump(mode="json") for barrier in sample.plan().plan.barriers]
    again = {**next(one for one in barriers if one["area"] == "health"), "barrier_id": "barrier-9"}
    assert Reader(html(View.PARTICIPANT, barriers=(*barriers, again))).text.count("Your health") == 1


def test_lists_have_room_for_two_figures_and_sheets_say_how_many_they_are() -> None:
    """Numbers from 10 on were cut off at the edge of the paper; a letter of several sheets comes apart."""
    sheet = style()
    assert "ol { padding-left: 2em; }" in sheet
    assert "counter(page)" in sheet


def test_the_persons_page_can_be_read_at_twelve() -> None:
    assert reading_age(Reader(html(View.PARTICIPANT)).text) <= 12


def test_the_policy_of_the_page_allows_its_own_style_and_nothing_else() -> None:
    told = security_headers()["Content-Security-Policy"]
    assert told.startswith("default-src 'none'; style-src 'sha256-")
    assert f"<style>{style()}</style>" in html(View.GP)


def test_what_a_person_is_called_is_text() -> None:
    who = Contact(given_name="<script>alert(1)</script>", family_name='" onload="x', postcode="{{ 7*7 }}")
    plan = sample.plan()
    for view in View:
        page = page_of(plan, view, sample.ON, history(plan, NOW), who, policy(), None)
        assert "<script" not in page
        assert "{{ 7*7 }}" in page or view is View.EMPLOYER
        assert Reader(page).open == []


@pytest.mark.parametrize("name", list(words.ALL))
def test_every_code_has_its_words(name: str) -> None:
    table = words.ALL[name]
    kind = type(next(iter(table)))
    assert set(table) == set(kind)
    assert len(set(table.values())) == len(table)


@pytest.mark.parametrize(
    ("snapshot", "said"),
    [
        ({"steps": ()}, "No step is open now."),
        ({"goals": ()}, "No goal is open now."),
        ({"consents": None}, "Your employer: you have not said yes, so we tell them nothing."),
        ({"adjustments": ()}, "When we look at your plan again"),
        ({"barriers": (), "review_on": None}, "Who may know"),
    ],
)
def test_a_page_of_a_plan_with_little_in_it(snapshot: dict[str, Any], said: str) -> None:
    read = Reader(html(View.PARTICIPANT, **snapshot))
    assert said in read.text
    assert "None" not in read.text

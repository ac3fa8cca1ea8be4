"""Back up, lose, put back, with erasures applied again before anything is served: the commands of those pages.

Beside them what is done upon a release, when the ledger seems wrong, and to people; on one running system.
"""

import asyncio
import json

import pytest

from services.kernel.sealing.errors import VaultUnavailable
from services.kernel.sealing.keys import ERASED, KeyRing
from services.kernel.sealing.root_file import FileRootKey
from services.kernel.sealing.source import VaultSource
from services.kernel.sealing.wrapping import KeyEncryptionKeys
from tests.e2e.leaks.caller import SURGERY
from tests.e2e.leaks.markers import Person
from tests.operations.site import RELAYS, Site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.timeout(400),
    pytest.mark.asyncio(loop_scope="module"),
]

REFERRAL = "01933e1b-7f3a-7c11-8f5e-0242ac120002"
SHE = "0b9e0f6a-6d0c-4c1e-9f52-4a1d3c5b7e01"
OTHER = "5d2f9a3c-8b1e-4f7a-a6c4-2e9b7d1f0c02"
OUTCOMES = ("outcomes-worker", "outcomes-api", "relay-2")
ALL_OF_INTAKE = ("intake-api", "intake-worker")
NAMED = "SELECT count(*) FROM referral_details d WHERE to_jsonb(d)::text LIKE '%' || $1 || '%'"


async def test_asking(site: Site) -> None:
    """What is asked of a system day by day; each says something about Ada, or by its exit code that all is seen to."""
    ada, known = site.referrals[site.ada], {REFERRAL: site.referrals[site.ada]}
    async with site.page("explaining") as page:
        for view in ("", " --view participant", " --view referrer --json"):
            assert (await page.run(f"pathway explain {REFERRAL}{view}", put=known)).out
    async with site.page("rates") as page:
        assert "prap" in (await page.run("pathway rates template")).out
        (site.folder / "cards.yaml").write_text((await page.run("pathway rates template prap")).out)
        await page.run("pathway rates check cards.yaml")
        await page.run("pathway programme check services/programmes/workwell-frimley/2024.1.yaml")
        for form in ("", " --json"):
            assert (await page.run(f"pathway rates explain {REFERRAL}{form}", put=known)).out
    async with site.page("safety-tasks") as page:
        await page.run("pathway safety list")
        await page.run("pathway safety list --as-of 2024-11-18T13:30 --json")
    async with site.page("caseload") as page:
        await page.run("pathway caseload work --provider growth-company", code={0, 3})
        lists = "pathway caseload work --coach coach-7 --list to_contact --list review --as-of 2025-06-02 --json"
        await page.run(lists, put={"coach-7": "coach-1"}, code={0, 3})
        programme = "--programme workwell-greater-manchester --provider growth-company"
        await page.run(f"pathway caseload coaches {programme}")
        assert "coach-1" in (await page.run(f"pathway caseload history {REFERRAL}", put={REFERRAL: ada})).out
    async with site.page("papers") as page:
        await page.run("pathway papers letters --unanswered --as-of 2025-06-16 --provider growth-company --json")
        await page.run("pathway papers letters --to gp --state queued")
        await page.run("pathway papers sample participant --out participant.html")
        assert "<html" in (site.folder / "participant.html").read_text()


async def test_importing(site: Site) -> None:
    (site.folder / "token").write_text(await site.story.call.token(SURGERY))
    sample = (site.folder / "docs/operations/samples/import-sample.csv").read_text()
    (site.folder / "people.csv").write_text(sample)
    token = (site.folder / "token").read_text()
    async with site.page("import", PATHWAY_TOKEN=token) as page:
        await page.run('export PATHWAY_TOKEN="$(cat token)"')
        command = "pathway import people.csv --api https://intake.example.org --programme workwell-greater-manchester"
        put = {"https://intake.example.org": site.system.urls["intake"]}
        before = await site.ask("intake", "SELECT count(*) FROM referral")
        await page.run(f"{command} --dry-run", put=put)
        assert await site.ask("intake", "SELECT count(*) FROM referral") == before
        await page.run(command, put=put)
        assert await site.ask("intake", "SELECT count(*) FROM referral") == before + 2
    await site.settled()


async def test_people(site: Site) -> None:
    """Ada asks, is restricted and let go; pseudonyms of one person are merged; a third person is erased."""
    gone = await site.refer(320)
    again, same = await site.refer(321), await site.refer(322)
    await site.settled()
    row = "SELECT person_id FROM referral WHERE referral_id = $1"
    third, first, second = [await site.ask("intake", row, one) for one in (gone, again, same)]
    ada = {SHE: site.people[site.ada]}
    async with site.page("people", number=site.ada.nhs_number) as page:
        numbered = f"{site.ada.nhs_number}\n"
        assert "Referrals" in (await page.run("pathway person show --nhs-number -", given=numbered)).out
        await page.run('pathway person show --nhs-number - <<< "$number"')
        exported = 'pathway person export --nhs-number - --to exports --reason "asked on 2 December"'
        await page.run(exported, given=numbered)
        await page.run(f"pathway person export {SHE} --to exports --json", put=ada)
        assert len(list((site.folder / "exports").iterdir())) == 4
        await page.run("pathway person restrict --nhs-number - --why accuracy_contested --apply", given=numbered)
        await page.run(f"pathway person unrestrict {SHE} --apply", put=ada)
        erase = f'pathway person erase {SHE} --why person_asked --reason "letter of 2 December"'
        assert "Dry run" in (await page.run(erase, put={SHE: third})).out
        await page.run(f"{erase} --apply", put={SHE: third})
        await page.run(f"pathway person merge {SHE} {OTHER} --apply", put={SHE: first, OTHER: second})
        later = await site.refer(323)
        await site.settled()
        last = await site.ask("intake", row, later)
        merge = f"pathway person merge --survivor-nhs-number - {OTHER} --apply"
        await page.run(merge, put={OTHER: last}, given=numbered)
        assert third in (await page.run("pathway person list-erasures --since 2024-12-01")).out
        await page.run("pathway person merge-decided")
        await page.run("pathway person merge-decided --apply")
        await page.run("pathway person merge-decided --apply --json")
    await site.settled()


async def test_retention(site: Site) -> None:
    bob = {SHE: site.people[site.bob]}
    async with site.page("retention") as page:
        await page.run("pathway retention show")
        await page.run("pathway retention run")
        hold = f'pathway retention hold add {SHE} --case claim-2024-17 --reason "solicitor\'s letter" --apply'
        await page.run(hold, put=bob)
        await page.run(
            'pathway retention hold add --nhs-number - --reason "solicitor\'s letter" --apply',
            given=site.bob.nhs_number,
        )
        assert bob[SHE] in (await page.run("pathway retention hold list --case claim-2024-17")).out
        await page.run('pathway retention hold release --case claim-2024-17 --reason "settled" --apply')
        await page.run('pathway retention hold confirm --reason "compared with the list of 2 December" --apply')
        (site.folder / "key-backups").mkdir(exist_ok=True)
        await page.run("pathway retention run --key-backups key-backups --apply")


async def test_upgrading(site: Site) -> None:
    """The topics of the drill have fewer partitions than the catalogue's, so it makes its own; twice does no harm."""
    async with site.page("upgrading", PATHWAY_TOPIC_PREFIX=f"{site.system.prefix}next.") as page:
        for _ in range(2):
            await page.run("pathway migrate all")
            await page.run("pathway topics apply")


async def test_restore(site: Site) -> None:
    """Outcomes from a dump: what it earned since comes back from its log, and the auditor's replay finds nothing."""
    outcomes = site.system.databases("outcomes")
    dump = site.folder / "outcomes.dump"
    await asyncio.to_thread(outcomes.postgres.dump, outcomes.name, dump)
    before = await site.ask("outcomes", "SELECT count(*) FROM ledger_transaction")
    await site.earn(Person(330))
    after = await site.ask("outcomes", "SELECT count(*) FROM ledger_transaction")
    assert after > before > 0
    await site.stop(*OUTCOMES)
    await asyncio.to_thread(outcomes.postgres.restore, dump, outcomes.name)
    await site.system.connect("outcomes")
    assert await site.ask("outcomes", "SELECT count(*) FROM ledger_transaction") == before
    async with site.page("restore") as page:
        assert "Dry run" in (await page.run("pathway restore outcomes")).out
        await page.run("pathway restore outcomes --apply")
        await site.start(*OUTCOMES)
        await site.settled()
        await page.run("pathway consumer status outcomes --lag")
        await page.run("pathway outbox status outcomes")
        await page.run("pathway replay --from-kafka")
    assert await site.ask("outcomes", "SELECT count(*) FROM ledger_transaction") == after


async def test_ledger_differs(site: Site) -> None:
    async with site.page("ledger-differs") as page:
        found = json.loads((await page.run("pathway reconcile --json")).out)
        assert found["first_difference"] is None
        said = json.loads((await page.run("pathway replay --from-kafka --json")).out)
        assert [row for row in said if row["differences"]] == []
        await page.run("pathway consumer status outcomes --lag")
        await page.run("pathway dlq list outcomes")
        await site.stop("relay-2")
        assert "Dry run" in (await page.run("pathway restore outcomes")).out
        await site.start("relay-2")
    async with site.page("replay") as page:
        await page.run("pathway replay --from-kafka")


async def test_vault_and_erasures_applied_again(site: Site) -> None:
    """The vault and intake are put back from dumps that still know Ada, who was erased since. She stays erased."""
    system, ada = site.system, site.people[site.ada]
    vault, intake = system.databases("vault"), system.databases("intake")
    async with site.page("vault") as page:
        fresh = site.page("vault", PATHWAY_ROOT_KEY="file:root.key")
        await fresh.run("pathway vault new-root-key root.key")
        page.left = [line for line in page.left if line in fresh.left]
        await page.run("export PATHWAY_ROOT_KEY=file:root.key")
        assert (site.folder / "root.key").stat().st_mode & 0o777 == 0o600
        await page.run("pathway vault status")
        await page.run("pathway vault rotate --apply")
        await page.run("pathway vault backup key-backups")
        await page.run("pathway vault prune key-backups --apply")
        for one in (vault, intake):
            await asyncio.to_thread(one.postgres.dump, one.name, site.folder / f"{one.service}.dump")
        assert await site.ask("intake", NAMED, site.ada.word("family")) == 1

        words = ("person", "erase", ada, "--why", "person_asked", "--reason", "letter", "--apply")
        assert (await system.pathway(*words)).status == 0
        await site.settled()
        await site.until("intake", f"SELECT ({NAMED}) = 0", site.ada.word("family"))

        await site.stop(*RELAYS, *ALL_OF_INTAKE)
        for one in (vault, intake):
            await asyncio.to_thread(one.postgres.restore, site.folder / f"{one.service}.dump", one.name)
            await system.connect(one.service)
        assert await site.ask("intake", NAMED, site.ada.word("family")) == 1
        assert await site.ask("vault", "SELECT wrapped IS NOT NULL FROM subject_key WHERE subject = $1", ada)
        with pytest.raises(VaultUnavailable):
            await key_of(site, ada)

        await page.run("pathway migrate vault")
        await page.run("pathway vault init --apply")
        (newest,) = (site.folder / "key-backups").glob("keys-*.jsonl")
        shown = "key-backups/keys-20241202T101500000000Z.jsonl"
        await page.run(f"pathway vault restore {shown} --apply", put={shown: f"key-backups/{newest.name}"})
        await page.run("pathway restore vault --apply")
        await page.serve("pathway relay vault")
    await site.start(*RELAYS)
    await site.until("vault", "SELECT keys_served()")
    assert await key_of(site, ada) is ERASED
    await site.start(*ALL_OF_INTAKE)
    await site.until("intake", f"SELECT ({NAMED}) = 0", site.ada.word("family"))
    assert (await system.pathway("retention", "hold", "confirm", "--reason", "compared", "--apply")).status == 0
    await site.settled()


async def key_of(site: Site, subject: str) -> object:
    """What a reader is told of somebody's key."""
    vault = site.system.databases("vault")
    source = await VaultSource.open(vault.postgres.dsn(vault.name, "vault_read"))
    try:
        return (await KeyRing(source, KeyEncryptionKeys(FileRootKey(site.system.databases.root_key))).get([subject]))[
            subject
        ]
    finally:
        source.close()

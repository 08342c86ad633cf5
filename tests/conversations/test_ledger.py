"""The listening ledger: one chain per organization, only ever appended to."""

import csv
import io
import threading
import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from conversations import ledger, ledger_csv
from conversations.models import ListenEvent
from tests.organizations.factories import make_organization

Kind = ListenEvent.Kind


def append(organization, *, kind=Kind.MINTED, **given):
    """Append one line; what a line has no field for is one of its details."""
    fields = {"at": timezone.now(), "who": "eva@example.com", "conversation_id": uuid.uuid4()}
    details = {name: given.pop(name) for name in {"ip", "user_agent"} & given.keys()}
    return ledger.append(
        organization.pk, [ledger.Line(kind, **{**fields, **given}, details=details)]
    )[0]


def lines(organization):
    return ListenEvent.objects.filter(organization=organization).order_by("sequence")


@pytest.mark.django_db
def test_each_organization_has_a_chain_of_its_own():
    first, second = make_organization(), make_organization()
    for organization in (first, second, first):
        append(organization)
    assert [line.sequence for line in lines(first)] == [1, 2]
    assert [line.sequence for line in lines(second)] == [1]
    verdict = ledger.verify(first.pk)
    assert (verdict.lines, verdict.newest_hash, verdict.wrong) == (2, lines(first)[1].hash, "")


@pytest.mark.django_db
def test_many_lines_in_one_go_are_a_chain_as_any(django_assert_num_queries):
    organization = make_organization()
    append(organization)
    told = [ledger.Line(Kind.REVOKED, timezone.now(), f"{n}@x.org", None) for n in range(20)]
    with django_assert_num_queries(5):  # the transaction's two included
        ledger.append(organization.pk, told)
    assert [line.sequence for line in lines(organization)] == list(range(1, 22))
    assert [line.who for line in lines(organization)[1:]] == [line.who for line in told]
    assert ledger.verify(organization.pk).wrong == ""


@pytest.mark.django_db(transaction=True)
def test_lines_written_at_once_stand_in_order():
    organization = make_organization()
    start = threading.Barrier(50)

    def write() -> None:
        start.wait()
        append(organization)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.sequence for line in lines(organization)] == list(range(1, 51))
    assert ledger.verify(organization.pk).wrong == ""


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["UPDATE {} SET who = 'nobody'", "DELETE FROM {}"])
def test_the_database_refuses_to_change_a_line(change):
    append(make_organization())
    with (
        pytest.raises(ProgrammingError, match="only ever appended"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change.format("conversations_listenevent"))


def as_superuser_would(sql: str) -> None:
    """Change the table behind the trigger's back."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET session_replication_role = DEFAULT")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("UPDATE conversations_listenevent SET who = 'x' WHERE sequence = 2", "Line 2 does not"),
        ("UPDATE conversations_listenevent SET details = '{}' WHERE sequence = 3", "Line 3 does"),
        ("UPDATE conversations_listenevent SET at = now() WHERE sequence = 1", "Line 1 does not"),
        ("UPDATE conversations_listenevent SET told_by = 'server' WHERE sequence = 4", "Line 4"),
        ("DELETE FROM conversations_listenevent WHERE sequence = 2", "Line 2 is missing"),
        ("UPDATE conversations_listenevent SET hash = repeat('0', 64) WHERE sequence = 4", "Line"),
    ],
)
def test_the_first_line_that_does_not_fit_is_told(change, wrong, capsys):
    organization = make_organization("acme")
    before = timezone.now() - timedelta(hours=1)
    for number in range(3):
        append(organization, at=before, ip=f"10.0.0.{number}")
    append(organization, kind=Kind.MUTED, at=before, told_by=ListenEvent.ToldBy.BROWSER)
    as_superuser_would(change)
    with pytest.raises(CommandError, match="has been changed"):
        call_command("verify_ledger")
    assert f"acme: {wrong}" in capsys.readouterr().err


@pytest.mark.django_db
def test_the_newest_hash_kept_elsewhere_shows_that_lines_were_cut_off(capsys):
    organization = make_organization("acme")
    for _ in range(3):
        append(organization)
    call_command("verify_ledger")
    said = capsys.readouterr().out
    newest = said.split("Newest: ")[1].strip()
    assert said == f"acme: 3 lines fit. Newest: 3:{lines(organization)[2].hash}\n"
    call_command("verify_ledger", organization="acme", expect=newest)
    as_superuser_would("DELETE FROM conversations_listenevent WHERE sequence = 3")
    call_command("verify_ledger")
    with pytest.raises(CommandError, match="line 3 is missing"):
        call_command("verify_ledger", organization="acme", expect=newest)
    append(organization)
    with pytest.raises(CommandError, match="line 3 is not the one it was"):
        call_command("verify_ledger", organization="acme", expect=newest)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"organization": "none"}, "There is no organization none."),
        ({"expect": "1:abc"}, "--expect needs --organization"),
        ({"organization": "acme", "expect": "abc"}, "a line's number and its hash"),
    ],
)
def test_what_cannot_be_verified_is_said(options, sentence):
    make_organization("acme")
    with pytest.raises(CommandError, match=sentence):
        call_command("verify_ledger", **options)


@given(st.text())
def test_no_cell_of_the_file_is_a_formula(text):
    assert not ledger_csv.as_text(text).startswith(ledger_csv.BEGINS_A_FORMULA)


@pytest.mark.django_db
def test_the_file_holds_each_line_with_names_for_its_columns():
    organization = make_organization()
    append(organization, who="=cmd()|' /C calc'!A0", user_agent='a "quoted", agent\n', ip="1.2.3.4")
    text = "".join(ledger_csv.lines_of(lines(organization)))
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["who"] == "'=cmd()|' /C calc'!A0"
    assert row["user_agent"] == 'a "quoted", agent\n'
    assert (row["sequence"], row["kind"], row["ip"]) == ("1", "minted", "1.2.3.4")
    assert row["hash"] == lines(organization)[0].hash

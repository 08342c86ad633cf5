"""Two admins demote each other at the same moment: one of them stays."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from anyreach.organizations import members
from anyreach.organizations.caller import Caller
from anyreach.organizations.models import Membership
from anyreach.organizations.scopes import Role
from tests.organizations.factories import make_member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("how", ["demote", "remove"])
def test_of_two_admins_who_end_each_other_one_stays(how):
    first = make_member(role=Role.ADMIN)
    second = make_member(first.organization, Role.ADMIN)
    both_ready = Barrier(2, timeout=10)

    def end(membership_id, caller):
        try:
            membership = Membership.objects.get(pk=membership_id)
            both_ready.wait()
            if how == "demote":
                members.change_role(membership, Role.VIEWER, caller=caller)
            else:
                members.remove(membership)
            return "done"
        except members.LastAdmin:
            return "refused"
        finally:
            connection.close()

    callers = Caller.of_member(second), Caller.of_member(first)
    with ThreadPoolExecutor(2) as people:
        outcomes = list(people.map(end, (first.pk, second.pk), callers))

    assert sorted(outcomes) == ["done", "refused"]
    admins = Membership.objects.filter(organization=first.organization, role=Role.ADMIN)
    assert admins.count() == 1

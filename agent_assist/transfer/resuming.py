"""Transfers that no job conducts any more get another: whoever is on hold is not left there.

A worker that stood still long enough for another to take its job over ends that job, in the
other's hands, when it wakes; no job is left then for who should take it up next.
"""

from django.db.models import Exists, OuterRef, Q, TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from agent_assist.transfer.conducting import conduct, have_conducted
from agent_assist.transfer.models import UNFINISHED, Status, Transfer
from conversations.models import TERMINAL


@app.periodic(cron="* * * * * */10")
@app.task(name="transfers.resume", queueing_lock="transfers.resume")
def resume(timestamp: int) -> None:
    """Look every ten seconds for transfers under way, and calls that a human took, without one."""
    jobs = ProcrastinateJob.objects.filter(task_name=conduct.name, status__in=["todo", "doing"])
    its_jobs = jobs.annotate(transfer_id=KT("args__transfer_id")).filter(
        transfer_id=Cast(OuterRef("pk"), TextField())
    )
    still_called = ~Q(conversation__status__in=TERMINAL)
    under_way = Q(status__in=UNFINISHED) | Q(status=Status.BRIDGED) & still_called
    for transfer in Transfer.objects.filter(under_way).exclude(Exists(its_jobs)):
        have_conducted(transfer)

"""Jobs whose worker died are taken up by another."""

import logging

from django.conf import settings
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */3")
@app.task(name="jobs.retry_stalled", queueing_lock="jobs.retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Take up, every three seconds, jobs whose worker has sent no heartbeat for a while."""
    await take_up(context.app.job_manager)


async def take_up(manager: JobManager) -> None:
    """Put stalled jobs back in the queue, or away where another of their kind waits already."""
    stalled = await manager.get_stalled_jobs(
        seconds_since_heartbeat=settings.WORKER_STALLED_AFTER_S
    )
    for job in stalled:
        log.warning("A job's worker died; another takes it up", extra={"job_id": job.id})
        try:
            await manager.retry_job(job)
        except UniqueViolation:
            await manager.finish_job(job, Status.FAILED, delete_job=True)

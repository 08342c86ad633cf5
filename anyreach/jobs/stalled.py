"""Jobs whose worker died are taken up by another."""

import logging

from procrastinate import JobContext
from procrastinate.contrib.django import app

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */5")
@app.task(name="jobs.retry_stalled", queueing_lock="jobs.retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Put jobs back in the queue whose worker has sent no heartbeat for a while."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        log.warning("A job's worker died; another takes it up", extra={"job_id": job.id})
        await manager.retry_job(job)

# Jobs in the background
staff-rail-jobs = Background jobs
jobs-hint = What the system does by itself in the background. Jobs that failed too often and stopped are listed here; find out why, then let them be tried again.
jobs-dead = Stopped jobs
jobs-none = No job has stopped. All is well.
jobs-col-kind = Job
jobs-col-fault = Last failure
jobs-col-failures = Failures
jobs-col-asked = Asked for
jobs-col-given-up = Stopped
jobs-col-act = Action
jobs-retry = Try again
jobs-rounds = When scheduled jobs run next
jobs-no-worker = No worker has run yet. Ask the system's administrator.
done-retried = The job is in the queue again and will be tried soon.
job-sweep = Forget jobs that are done

# 后台任务
staff-rail-jobs = 后台任务
jobs-hint = 系统在后台自动办理的事务。多次失败后停下来的列在这里，查明原因后可以重试。
jobs-dead = 已停止的任务
jobs-none = 没有停止的任务，一切正常。
jobs-col-kind = 任务
jobs-col-fault = 最后一次失败的原因
jobs-col-failures = 失败次数
jobs-col-asked = 提出时间
jobs-col-given-up = 停止时间
jobs-col-act = 操作
jobs-retry = 重试
jobs-rounds = 定时任务的下次运行时间
jobs-no-worker = 尚无后台进程运行过，请联系系统管理员。
done-retried = 已重新排队，稍后自动再试。
job-sweep = 清理已完成的任务

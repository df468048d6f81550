# 会话中断时保留的内容（ra-web/src/http/staff/kept.rs）
done-form-kept = 上次填写的内容已恢复，请核对后继续；扫描件需要重新选择。
kept-title = 您上次填写的内容
kept-lead = 提交时登录已经结束，没有办理任何业务。以下内容只有您能看到，保留两小时；请回到原页面核对后重新办理。
kept-back = 回到原页面
kept-forget = 不再需要，删除
kept-field-reason = 理由
kept-field-note = 说明
kept-field-what = 事由
kept-field-done = 处理结果
kept-field-counted = 清点金额
kept-field-amount = 金额
kept-field-reference = 流水号
kept-field-serials = 介质序列号

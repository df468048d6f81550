# 案卷材料：打印、扫描、归档
papers-title = 打印表单
papers-hint = 打印后由单位盖章、经办人签字（个人证书由本人签字），再扫描上传。
paper-application = 业务申请表
paper-agreement = 电子认证服务协议
paper-handover = 证书交接单
paper-revocation = 注销通知书
paper-application-title = 数字证书业务申请表（{ $process }）
paper-document = { $document }，{ $n } 页
document-application-form = 业务申请表（签字盖章）
document-agreement = 电子认证服务协议（签字盖章）
document-handover-receipt = 证书交接单（签字）
document-revocation-notice = 注销通知书（签收）
error-unprintable-what = 有一个字打印不出来
error-unprintable-kept = 案卷没有变化。
error-unprintable-next = 已配置的字体都没有这个字。请核对姓名和单位名称；确为生僻字的，请管理员在 paper.fonts 中增加字体。

# 邮件
mail-greeting = { $unit }：
mail-yuan = { $amount } 元
mail-site = 登录办事网站：
mail-ask = 如有疑问，请联系{ $contact }。
mail-never = 我们不会通过邮件、电话索要密钥口令，也不会在邮件里附付款二维码。
mail-automatic = 本邮件由系统自动发出，请勿直接回复。
mail-row-bill = 账单编号
mail-row-amount = 金额
mail-row-receipt = 收据编号
mail-row-serial = 证书序列号
mail-row-until = 有效期至
mail-row-invoice = 发票号码
mail-row-gross = 价税合计
mail-row-red = 红字发票号码
mail-row-at = 时间
mail-row-reason = 原因
mail-row-refund = 退款编号
mail-paid-subject = 已收到您的缴费
mail-paid-lead = 已收到贵单位的数字证书服务费。
mail-paid-next = 请插入证书介质，登录网站完成证书安装；电子发票将在三日内发送至本邮箱。
mail-installed-subject = 新证书已安装
mail-installed-lead = 贵单位的新数字证书已写入证书介质，现在即可使用。
mail-installed-next = 原证书已停止使用。密钥口令不变，请妥善保管证书介质。
mail-invoice-subject = 电子发票
mail-invoice-lead = 贵单位的电子发票已开具，见附件。
mail-invoice-sample = 这是自带开票程序生成的样张，不是税务发票，不能报销、抵扣或入账。
mail-invoice-next = 附件为同一张发票的 PDF、OFD 和 XML 文件。入账归档以 XML 或 OFD 为准；扫描票面二维码可以查验。
mail-reversed-subject = 发票已红冲
mail-reversed-lead = 贵单位的发票已开具红字发票冲销，原发票不能再使用。
mail-reversed-next = 已入账的，请凭红字发票冲销；需要退款的，款项按原付款方式退回。
mail-held-subject = 证书已冻结
mail-held-lead = 贵单位的数字证书已经冻结，冻结期间不能登录和签名。
mail-held-next = 不是贵单位提出的，请立即联系我们；介质找到后可以申请解除冻结，确已丢失的请补办。
mail-released-subject = 证书已解除冻结
mail-released-lead = 贵单位的数字证书已解除冻结，可以照常使用。
mail-released-next = 不是贵单位提出的，请立即联系我们。
mail-revoked-subject = 证书已撤销
mail-revoked-lead = 贵单位的数字证书已经撤销，不能再使用。
mail-revoked-next = 还要办理网上业务的，请到受理点申请新证书；不是贵单位提出的，请立即联系我们。
mail-expiring-subject = { $n ->
    [0] 数字证书今天到期
   *[other] 数字证书还有 { $n } 天到期
}
mail-expiring-lead = { $n ->
    [0] 贵单位的数字证书今天到期，到期后不能登录业务大厅。
   *[other] 贵单位的数字证书还有 { $n } 天到期，到期后不能登录业务大厅。
}
mail-expiring-next = 请插入证书介质，登录网站在线延期。新证书的期限从原到期日起算，提前办理不损失有效期。
mail-refunded-subject = 退款已退回
mail-refunded-lead = 贵单位的款项已按原付款方式退回。
mail-refunded-next = 到账时间以付款银行或支付平台为准。
job-mail = 发送邮件
fault-email = { $field }应为一个邮箱地址，例如 name@example.com
field-handler-email = 接收邮箱（选填）
hint-handler-email = 缴费、发票和到期提醒会发到这里；不填就不发邮件
renew-hint-handler-email = 缴费结果、电子发票和到期提醒会发到这里；不填就不发邮件
mails-title = 发给单位的邮件
mails-hint = 最近的 100 封。邮件随业务自动生成，由后台发送；被拒收的在“后台任务”中列出原因，可以重新发送。
mails-off = 没有配置邮件服务器，不向单位发送邮件，也不生成待发邮件。
mails-none = 还没有发给单位的邮件。
mails-col-kind = 内容
mails-col-to = 收件人
mails-col-created = 生成时间
mails-col-state = 状态
mails-state-sent = 已发出
mails-state-waits = 待发送
mails-state-refused = 未发出：{ $why }
mails-link = 查看发给单位的邮件
mail-kind-paid = 缴费成功
mail-kind-installed = 证书已安装
mail-kind-invoice = 电子发票
mail-kind-reversed = 发票已红冲
mail-kind-held = 证书已冻结
mail-kind-released = 证书已解除冻结
mail-kind-revoked = 证书已撤销
mail-kind-expiring = 到期提醒
mail-kind-refunded = 退款已退回

# 单位自助：登录、首页、证书延期
unit-login-title = 单位登录
unit-rail-home = 我的证书
unit-rail-renew = 证书延期
unit-home-title = 我的证书
unit-certificate = 正在使用的证书
unit-certificate-replaced = 登录所用的证书（已被替换）
unit-certificate-replaced-how = 新证书已装在介质上，这张旧证书已经作废。请退出，用新证书重新登录。
unit-until = 有效期至
unit-serial = 证书序列号
unit-days-left = 还有 { $n } 天
unit-renew = 证书延期
unit-renew-check = 现在可以办理延期。
unit-renew-not-now = 现在不能办理延期。
unit-renew-begins = 到期前 90 天起可以办理，最早为 { $day }。
unit-renew-sign = 申请表已填好，等待您签名。
unit-renew-sign-again = 费用已收到，需要您重新签名。
unit-renew-pay = 申请已提交，等待付款。
unit-renew-install = 已付款，请安装延期证书。
unit-renew-done = 延期已完成。
unit-renew-elsewhere = 证书受理点正在为您办理。
unit-renew-go-check = 办理延期
unit-renew-go-sign = 继续办理
unit-renew-go-sign-again = 继续办理
unit-renew-go-pay = 去付款
unit-renew-go-install = 安装证书
unit-renew-go-done = 查看结果
unit-renew-go-elsewhere = 查看进度
unit-bills = 账单
unit-bills-none = 还没有账单。
unit-bill-number = 账单号
unit-bill-case = 业务编号
unit-bill-day = 日期
unit-bill-amount = 金额（元）
unit-bill-state = 状态
unit-bill-open = 待付款
unit-bill-paid = 已付款
unit-bill-partly-refunded = 已部分退款
unit-bill-refunded = 已退款
unit-bill-cancelled = 已取消
unit-bill-lapsed = 已过期

## 延期的步骤
renew-steps = 延期步骤
renew-step-check = 核对
renew-step-form = 填写申请
renew-step-pay = 付款
renew-step-install = 安装证书
renew-step-invoice = 取发票
renew-step-done = （已完成）
renew-return = 返回延期
renew-later = 可以随时离开：下次登录后点击“证书延期”，从这一步继续。
renew-title-check = 证书延期
renew-title-not-now = 证书延期
renew-title-form = 填写延期申请
renew-title-changed = 单位资料有变化
renew-title-sign = 核对并签名
renew-title-sign-again = 重新签名
renew-title-pay = 付款
renew-title-install = 安装延期证书
renew-title-done = 延期完成
renew-title-elsewhere = 正在办理

renew-check-certificate = 要延期的证书
renew-over = 已过期
renew-price = 服务费
renew-price-year = { $amount } 元/年，含税
renew-term = 新证书从 { $day } 之后接续计算，提前办理不损失剩余天数。
renew-over-term = 证书已过期，新证书从安装当天起计算。
renew-check-question = 单位名称、统一社会信用代码是否有变化？
renew-check-why = 网上延期只换证书的有效期，证书上的单位资料不变。
renew-check-same = 没有变化，继续
renew-check-changed = 有变化
renew-not-now-undelivered = 这张证书还没有交付，不能延期。
renew-not-now-revoked = 这张证书已吊销，不能延期。请到证书受理点重新申请。
renew-not-now-held = 这张证书已冻结，请先到证书受理点解冻。
renew-not-now-not-held = 现在不能办理。
renew-not-now-over = 证书已过期，请到证书受理点重新申请。
renew-not-now-too-early = 还不到办理时间，最早可在以下日期办理：
renew-not-now-too-late = 证书过期超过一年，需要重新核实身份，请到证书受理点办理。
renew-not-now-case-open = 这张证书还有一项业务正在办理。
renew-not-now-other-office = 请到原受理点办理。
renew-not-now-person = 个人姓名或编号变化，请到证书受理点重新申请。

renew-form-term = 延期年限
renew-form-years-hint = 一次可以办理多年。
renew-years = { $n } 年
renew-yuan = { $amount } 元
renew-form-handler = 单位和经办人
renew-form-fixed = 证书上的单位资料不能在网上修改。
renew-changed-link = 资料有变化？
renew-hint-handler-name = 现在负责证书的人
renew-hint-handler-mobile = 付款、安装有问题时，我们会打这个电话
renew-form-next = 下一步：核对

renew-answers = 申请内容
renew-answers-change = 修改
renew-sign-title = 用证书签名
renew-sign-why = 证书助手会显示申请内容。签名后生成账单，价格锁定 15 天。
renew-sign-button = 签名并提交
renew-sign-again-why = 之前的签名已失效，费用已经收到，不会再次收费。请重新签名后安装证书。

renew-bill = 账单
renew-bill-item = 项目
renew-bill-price = 单价（元）
renew-bill-count = 数量
renew-bill-amount = 金额（元）
renew-bill-total = 合计
renew-bill-due = 请在 { $when } 前付款，过期后账单自动取消，需要重新申请。
renew-pay-how = 选择付款方式
renew-way-alipay = 支付宝
renew-way-wechat-pay = 微信支付
renew-way-card = 银行卡（含银联）
renew-pay-hint = 将转到支付平台的页面付款，付款后自动返回。请不要重复付款。
renew-pay-button = 去付款 { $amount } 元
renew-pay-done = 我已付款
renew-pay-office = 暂不支持网上付款，请携带证书介质到证书受理点付款。付款后可以在网上安装证书。
renew-choose-way = 请选择付款方式。
renew-product = 单位数字证书服务费
renew-back-paid = 已收到付款，可以安装证书了。
renew-back-unpaid = 还没有收到付款结果。如果已经付款，请稍等一两分钟再点“我已付款”，不要重复付款。
renew-back-expired = 上一次的付款页面已过期，没有扣款，请重新付款。
renew-back-faulty = 收到一笔与账单不符的款项，财务人员正在核对，请不要重复付款。
renew-back-unknown = 支付平台暂时没有答复。如果已经付款，钱不会丢失，请稍后再来查看。

renew-paid = 已收到 { $amount } 元。
renew-install = 把新证书装入介质
renew-install-why = 请插好存有现有证书的 USB Key。新密钥在介质中生成，写入后会读回核对并试签；在此之前现有证书一直可以使用。中途拔出也没关系，重新插入后从中断处继续。
renew-install-begin = 开始安装
renew-install-again = 继续安装
renew-install-open = 打开证书助手安装
renew-install-ticket = 请在半小时内完成。
renew-install-unconfirmed = 新证书已签发，但介质还没有确认装好。请继续安装，不会再次收费。

renew-done = 新证书已装好
renew-done-until = 有效期至 { $day }
renew-done-next = 接下来
renew-done-old = 请用新证书重新登录业务大厅；旧证书已经作废。
renew-done-pin = PIN 码没有变。
renew-done-invoice = 发票在付款后 3 日内开具。

renew-elsewhere = 证书受理点正在办理
renew-elsewhere-why = 关于这张证书的业务已转到证书受理点，请按编号查询，携带材料到受理点办理。

renew-changed-lead = 单位名称或信用代码变了，证书上的资料也要换，需要核对原件。请填写现在的资料，受理点会收到这份申请，您到窗口时不用再填。
renew-changed-now = 现在的资料
renew-changed-bring-licence = 变更后的营业执照原件，或加盖公章的复印件
renew-changed-bring-notice = 登记机关的变更通知书
renew-changed-bring-token = 证书介质
renew-changed-where = 办理地点：
renew-changed-send = 提交给受理点

renew-cancel = 不办了，取消申请
renew-cancel-why = 取消后账单作废，没有扣款。以后可以重新申请，价格按当时的标准。
renew-cancel-button = 取消申请
renew-cancel-reason = 单位自行取消

## 与付款有关的记录
step-unit-sign = 单位签名提交
step-pay-late = 过期后收到付款
money-method-online = 网上支付
money-account-online-transit = 网上支付在途
money-account-suspense = 待查款项
money-fact-surplus = 收到多付款项
error-gateway-refused-what = 支付平台没有接受这次付款
error-gateway-refused-kept = 没有扣款，账单仍然有效。
error-gateway-refused-next = 请换一种付款方式再试；仍不行时，请联系证书受理点，并告知下面的请求编号。
error-gateway-unavailable-what = 支付平台暂时没有答复
error-gateway-unavailable-kept = 账单仍然有效。如果您已经付款，钱不会丢失。
error-gateway-unavailable-next = 请过几分钟再试，不要重复付款。

## 发票
unit-invoice-download = 下载电子发票
unit-invoice-waits = 发票正在开具，付款后 3 日内可在这里下载。

## 财务：与账单不符的网上付款
money-faulty = 网上付款有待核对
money-faulty-hint = 这些款项与账单不符或重复，没有用于任何账单。请在支付平台核对，退回付款方。
money-faulty-why = 问题
money-faulty-session = 付款单与平台编号
money-faulty-at = 时间
checkout-fault-surplus = 账单已用其他方式付清，重复付款
checkout-fault-other-checkout = 平台上的付款单号不是我们的
checkout-fault-other-bill = 平台上的账单号不符
checkout-fault-other-amount = 金额不符
checkout-fault-other-currency = 币种不是人民币

## 后台任务
job-unheard-deliveries = 向证书系统查询未回报的证书安装
job-ask-about-payments = 向支付平台查询未了结的付款

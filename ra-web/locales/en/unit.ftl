# The units' own site: signing in, home, renewal
unit-login-title = Sign in as a unit
unit-rail-home = My certificate
unit-rail-renew = Renew
unit-home-title = My certificate
unit-certificate = Certificate in use
unit-certificate-replaced = Certificate of this sign-in (replaced)
unit-certificate-replaced-how = The new certificate is on the token and this one is void. Sign out, and in again with the new one.
unit-until = Valid until
unit-serial = Serial number
unit-days-left = { $n ->
    [one] { $n } day left
   *[other] { $n } days left
 }
unit-renew = Renewal
unit-renew-check = It can be renewed now.
unit-renew-not-now = It cannot be renewed now.
unit-renew-begins = Renewal begins 90 days before the end, on { $day } at the earliest.
unit-renew-sign = The form is filled in and waits for your signature.
unit-renew-sign-again = The fee was received; your signature is needed once more.
unit-renew-pay = The application is in and waits for payment.
unit-renew-install = Paid. Install the renewed certificate.
unit-renew-done = The renewal is complete.
unit-renew-elsewhere = The registration office has it in hand.
unit-renew-go-check = Renew
unit-renew-go-sign = Continue
unit-renew-go-sign-again = Continue
unit-renew-go-pay = Pay
unit-renew-go-install = Install the certificate
unit-renew-go-done = See the result
unit-renew-go-elsewhere = See how it stands
unit-bills = Bills
unit-bills-none = There are no bills yet.
unit-bill-number = Bill
unit-bill-case = Case
unit-bill-day = Date
unit-bill-amount = Amount (yuan)
unit-bill-state = State
unit-bill-open = To be paid
unit-bill-paid = Paid
unit-bill-partly-refunded = Partly refunded
unit-bill-refunded = Refunded
unit-bill-cancelled = Cancelled
unit-bill-lapsed = Lapsed

## The steps of a renewal
renew-steps = Steps of the renewal
renew-step-check = Check
renew-step-form = Form
renew-step-pay = Pay
renew-step-install = Install
renew-step-invoice = Invoice
renew-step-done = (done)
renew-return = Back to the renewal
renew-later = You can leave at any time: sign in again and choose “Renew” to go on from this step.
renew-title-check = Renew the certificate
renew-title-not-now = Renew the certificate
renew-title-form = Renewal form
renew-title-changed = Particulars have changed
renew-title-sign = Check and sign
renew-title-sign-again = Sign once more
renew-title-pay = Pay
renew-title-install = Install the renewed certificate
renew-title-done = Renewed
renew-title-elsewhere = In hand

renew-check-certificate = The certificate to renew
renew-over = Expired
renew-price = Fee
renew-price-year = { $amount } yuan a year, tax included
renew-term = The new term counts on from { $day }: renewing early loses no days.
renew-over-term = The certificate has expired; the new term counts from the day of installation.
renew-check-question = Has the unit’s name or its unified social credit code changed?
renew-check-why = Renewing online changes the term only, not what the certificate says about the unit.
renew-check-same = No change, continue
renew-check-changed = Something changed
renew-not-now-undelivered = This certificate is not delivered yet and cannot be renewed.
renew-not-now-revoked = This certificate is revoked and cannot be renewed. Please apply anew at the registration office.
renew-not-now-held = This certificate is held. Please have it released at the registration office first.
renew-not-now-not-held = Not possible now.
renew-not-now-over = The certificate has expired. Please apply anew at the registration office.
renew-not-now-too-early = It is too early. The first day is
renew-not-now-too-late = The certificate ended more than a year ago: the identity must be checked anew, at the registration office.
renew-not-now-case-open = Another matter about this certificate is still open.
renew-not-now-other-office = Please go to the office that issued it.
renew-not-now-person = Who has another name or number applies anew, at the registration office.

renew-form-term = Term
renew-form-years-hint = Several years can be taken at once.
renew-years = { $n ->
    [one] { $n } year
   *[other] { $n } years
 }
renew-yuan = { $amount } yuan
renew-form-handler = Unit and handler
renew-form-fixed = What the certificate says about the unit cannot be changed online.
renew-changed-link = Has it changed?
renew-hint-handler-name = Who looks after the certificate now
renew-hint-handler-mobile = We call this number if payment or installation goes wrong
renew-form-next = Next: check

renew-answers = Your application
renew-answers-change = Change
renew-sign-title = Sign with the certificate
renew-sign-why = The certificate assistant shows the application. After signing there is a bill; its price holds for 15 days.
renew-sign-button = Sign and submit
renew-sign-again-why = The signature before is used up. The fee was received and is not charged again. Please sign once more, then install.

renew-bill = Bill
renew-bill-item = Item
renew-bill-price = Price (yuan)
renew-bill-count = Quantity
renew-bill-amount = Amount (yuan)
renew-bill-total = Total
renew-bill-due = Please pay before { $when }. After that the bill lapses and a new application is needed.
renew-pay-how = How do you want to pay?
renew-way-alipay = Alipay
renew-way-wechat-pay = WeChat Pay
renew-way-card = Bank card (UnionPay included)
renew-pay-hint = You pay on the payment provider’s page and come back here. Please do not pay twice.
renew-pay-button = Pay { $amount } yuan
renew-pay-done = I have paid
renew-pay-office = Payment online is not available. Please pay at the registration office with your token; the certificate can be installed online afterwards.
renew-choose-way = Please choose how to pay.
renew-product = Unit certificate service fee
renew-back-paid = The payment was received. You can install the certificate now.
renew-back-unpaid = No payment was reported yet. If you have paid, wait a minute or two and choose “I have paid”; do not pay twice.
renew-back-expired = The page for payment before has expired and nothing was charged. Please pay again.
renew-back-faulty = Money came that does not fit the bill. Finance is looking into it; please do not pay again.
renew-back-unknown = The payment provider does not answer at the moment. If you have paid, your money is not lost. Please look again later.

renew-paid = { $amount } yuan received.
renew-install = Put the new certificate on the token
renew-install-why = Plug in the USB key with the present certificate. The new key is made in the token; what is written is read back and test-signed, and until then the present certificate goes on working. If you pull it out midway, plug it in again and go on from there.
renew-install-begin = Begin
renew-install-again = Go on
renew-install-open = Open the certificate assistant
renew-install-ticket = Please finish within half an hour.
renew-install-unconfirmed = The new certificate is issued, but the token has not confirmed it yet. Please go on installing; nothing is charged again.

renew-done = The new certificate is installed
renew-done-until = Valid until { $day }
renew-done-next = What next
renew-done-old = Sign in to the business hall with the new certificate; the old one is no longer good.
renew-done-pin = The PIN has not changed.
renew-done-invoice = The invoice is made within 3 days of payment.

renew-elsewhere = The registration office has it in hand
renew-elsewhere-why = What is done about this certificate lies with the registration office. Please ask by this number and bring the papers.

renew-changed-lead = When the unit’s name or code changes, the certificate must say so, and originals must be checked. Fill in what is right now: the office gets this application, and you need not fill it in again at the counter.
renew-changed-now = What is right now
renew-changed-bring-licence = The new business licence, or a copy with the official seal
renew-changed-bring-notice = The registry’s notice of the change
renew-changed-bring-token = The token
renew-changed-where = Where:
renew-changed-send = Send to the office

renew-cancel = Give the renewal up
renew-cancel-why = The bill is cancelled and nothing is charged. You can apply again later, at the price of that day.
renew-cancel-button = Give it up
renew-cancel-reason = Given up by the unit

## In records about payment
step-unit-sign = Signed and submitted by the unit
step-pay-late = Paid after it was over
money-method-online = Online
money-account-online-transit = Online in transit
money-account-suspense = Suspense
money-fact-surplus = Paid twice
error-gateway-refused-what = The payment provider did not accept this payment
error-gateway-refused-kept = Nothing was charged; the bill stands.
error-gateway-refused-next = Try another way of payment. If that fails too, contact the registration office and give the request id below.
error-gateway-unavailable-what = The payment provider does not answer at the moment
error-gateway-unavailable-kept = The bill stands. If you have paid, your money is not lost.
error-gateway-unavailable-next = Please try again in a few minutes. Do not pay twice.

## Invoices
unit-invoice-download = Download the invoice
unit-invoice-waits = The invoice is being made; it can be downloaded here within 3 days of payment.

## Finance: money online that does not fit its bill
money-faulty = Money online to be looked at
money-faulty-hint = This money does not fit its bill or came twice, and pays for nothing. Look it up with the provider and send it back to whoever paid.
money-faulty-why = What is wrong
money-faulty-session = Checkout and the provider’s number
money-faulty-at = When
checkout-fault-surplus = The bill was paid otherwise: paid twice
checkout-fault-other-checkout = The provider names another checkout
checkout-fault-other-bill = The provider names another bill
checkout-fault-other-amount = Another amount
checkout-fault-other-currency = Another currency than yuan

## Background jobs
job-unheard-deliveries = Certificates whose installation nobody reported are asked about
job-ask-about-payments = Payments that nobody told us of are asked about

# Mails
mail-greeting = To { $unit }:
mail-yuan = { $amount } yuan
mail-site = Sign in to the site:
mail-ask = Questions? Contact: { $contact }.
mail-never = We never ask for a PIN by mail or telephone, and never send a payment code in a mail.
mail-automatic = This mail was sent by the system. Please do not reply to it.
mail-row-bill = Bill number
mail-row-amount = Amount
mail-row-receipt = Receipt number
mail-row-serial = Serial number
mail-row-until = Valid until
mail-row-invoice = Invoice number
mail-row-gross = Total with tax
mail-row-red = Red-letter invoice number
mail-row-at = Time
mail-row-reason = Reason
mail-row-refund = Refund number
mail-paid-subject = Your payment has arrived
mail-paid-lead = We have received your unit's fee for the certificate service.
mail-paid-next = Plug in your token and sign in to the site to install the certificate. The e-invoice comes to this address within three days.
mail-installed-subject = Your new certificate is installed
mail-installed-lead = Your unit's new certificate is on the token and can be used now.
mail-installed-next = The certificate before it has ended. The PIN is the same; keep the token safe.
mail-invoice-subject = E-invoice
mail-invoice-lead = Your unit's e-invoice has been issued and is attached.
mail-invoice-sample = This is a sample made by the program itself. It is no tax invoice and cannot be reimbursed, deducted or booked.
mail-invoice-next = The same invoice is attached as PDF, OFD and XML. For your books keep the XML or OFD; the QR code on it leads to the page where it is checked.
mail-reversed-subject = Invoice reversed
mail-reversed-lead = Your unit's invoice has been reversed by a red-letter invoice and can no longer be used.
mail-reversed-next = If it was booked, reverse it with the red-letter invoice. Money to be refunded goes back the way it was paid.
mail-held-subject = Certificate on hold
mail-held-lead = Your unit's certificate is on hold. Nobody can sign in or sign with it meanwhile.
mail-held-next = If your unit did not ask for this, contact us at once. A token that is found can be released; for a lost one apply for a replacement.
mail-released-subject = Certificate released
mail-released-lead = The hold on your unit's certificate has ended. It can be used as before.
mail-released-next = If your unit did not ask for this, contact us at once.
mail-revoked-subject = Certificate revoked
mail-revoked-lead = Your unit's certificate has been revoked and can no longer be used.
mail-revoked-next = To go on using online services, apply for a new certificate at the office. If your unit did not ask for this, contact us at once.
mail-expiring-subject = { $n ->
    [0] Your certificate ends today
    [one] Your certificate ends tomorrow
   *[other] Your certificate ends in { $n } days
}
mail-expiring-lead = { $n ->
    [0] Your unit's certificate ends today. After that it does not open the business hall.
    [one] Your unit's certificate ends tomorrow. After that it does not open the business hall.
   *[other] Your unit's certificate ends in { $n } days. After that it does not open the business hall.
}
mail-expiring-next = Plug in your token and renew online. The new term begins where the old one ends, so renewing early loses nothing.
mail-refunded-subject = Refund paid
mail-refunded-lead = Your unit's money has gone back the way it was paid.
mail-refunded-next = When it arrives depends on your bank or payment service.
job-mail = Send a mail
fault-email = { $field } must be an e-mail address, e.g. name@example.com
field-handler-email = E-mail (optional)
hint-handler-email = Payments, invoices and reminders are sent here; without it no mails are sent
renew-hint-handler-email = Payments, e-invoices and reminders are sent here; without it no mails are sent
mails-title = Mails to units
mails-hint = The last 100. Mails are written with each step and sent in the background. What was refused stands among the background jobs with its reason, and can be sent again.
mails-off = No mail server is configured: units get no mails, and none are written.
mails-none = No mail has been written to a unit yet.
mails-col-kind = What
mails-col-to = To
mails-col-created = Written
mails-col-state = State
mails-state-sent = Sent
mails-state-back = Came back: { $status }
mails-state-waits = Waits
mails-state-refused = Not sent: { $why }
mails-link = See mails to units
mail-kind-paid = Payment received
mail-kind-installed = Certificate installed
mail-kind-invoice = E-invoice
mail-kind-reversed = Invoice reversed
mail-kind-held = Certificate on hold
mail-kind-released = Certificate released
mail-kind-revoked = Certificate revoked
mail-kind-expiring = Reminder
mail-kind-refunded = Refund paid

# Quota invoices
quota-title = Quota invoices
quota-link = { $n ->
    [0] Quota invoices
   *[other] Quota invoices ({ $n } waiting)
}
quota-to-allot = To be allotted
quota-to-allot-hint = Paid bills that asked for quota invoices. They are sent within three days of payment.
quota-to-allot-none = No bill waits for papers.
quota-to-send = To be sent
quota-to-send-none = Nothing waits to be sent.
quota-runs = Stock
quota-runs-none = No quota invoices were bought yet.
quota-col-papers = Code and numbers
quota-col-count = Papers
quota-col-at = Time
quota-col-act = What
quota-col-by = By
quota-col-note = Note
quota-worth = Amount of each (yuan)
quota-yuan = { $n } yuan
quota-ends = Numbers in stock
quota-bought = Bought
quota-place-stock = In stock
quota-place-allotted = Allotted
quota-place-sent = Sent
quota-place-void = Void
quota-buy = Take a run into stock
quota-buy-button = Take in
quota-void = Make papers void
quota-void-button = Make void
quota-code = Code
quota-first = First number
quota-last = Last number
quota-hint-code = The 12 digits on the paper
quota-hint-first = The 8 digits on the paper, leading zeros too
quota-hint-last = The same as the first for one paper; at most 2,000 at once
quota-hint-void = For example torn, misprinted or lost; this cannot be undone
quota-fault-code = The code has 12 digits
quota-fault-number = A number has 8 digits, leading zeros too
quota-fault-range = The last number cannot be below the first; at most 2,000 at once
quota-fault-worth = Choose the amount that is printed on the papers
quota-fault-waybill = A waybill number has letters and digits, at most 40
quota-why-finance = Finance of this office buys, allots, sends and voids.
quota-log = Log
quota-log-none = Nothing is in the log yet.
quota-act-buy = Bought
quota-act-allot = Allotted
quota-act-release = Back into stock
quota-act-send = Sent or handed over
quota-act-return = Came back, void
quota-act-void = Void
quota-wished = The unit asked for quota invoices:
quota-not-wished = The unit did not ask for quota invoices.
quota-wish-note = Note or change this
quota-wish-title = Ask for quota invoices
quota-wish-lead = Quota invoices are printed papers of fixed amounts without the unit's name. You have either them or an e-invoice. They are sent within three days of payment.
quota-wish-save = Save
quota-wished-now = Quota invoices are asked for now. When a title is saved, an e-invoice is issued instead.
quota-instead = Have quota invoices (paper) instead
quota-rather-electronic = Have an e-invoice after all
quota-frozen = The invoice was issued or allotted and can no longer be changed. Ask the office if you need another.
quota-way = How they come to you
quota-way-post = By post
quota-way-counter = Fetched at the office
quota-post-hint = For post, fill in the next three fields.
quota-goes-to = By post: { $who }, { $phone }, { $where }
field-quota-recipient = Recipient
field-quota-phone = Recipient's telephone
field-quota-address = Address
quota-papers = { $n ->
    [1] 1 paper, { $amount } yuan
   *[other] { $n } papers, { $amount } yuan together
}
quota-state-allotted = Allotted
quota-state-sent = Handed over
quota-state-released = Back in stock
quota-state-returned = Came back, void
quota-then-sent = { $who } posted them on { $when }, waybill { $why }
quota-then-fetched = { $who } handed them over on { $when }
quota-then-released = { $who } put them back into stock on { $when }: { $why }
quota-then-returned = { $who } took them back on { $when }: { $why }
quota-allot = Allot papers of { $amount } yuan
quota-allot-hint = Papers that add up to exactly this amount, the lowest numbers first.
quota-waybill-hint = The unit sees it; leave empty when they are handed over in person.
quota-send = Note that they were sent or handed over
quota-release = Put back into stock
quota-release-hint = Before they are sent: say why, and they go back into stock.
quota-return = Take back and make void
quota-return-hint = When the unit brought all of them back: say why. They are void for good, and then money can go back.
quota-told-wished = Quota invoices were asked for; they are sent within three days of payment.
quota-told-allotted = { $n ->
    [1] 1 quota invoice is made ready to be sent.
   *[other] { $n } quota invoices are made ready to be sent.
}
quota-told-sent = { $n ->
    [1] 1 quota invoice was sent, waybill { $waybill }.
   *[other] { $n } quota invoices were sent, waybill { $waybill }.
}
quota-told-fetched = { $n ->
    [1] 1 quota invoice was handed over.
   *[other] { $n } quota invoices were handed over.
}
progress-invoice = Invoice
money-fault-quota-off = Quota invoices are not used here
money-fault-not-wished = The unit did not ask for quota invoices; note that first
money-fault-no-papers = No papers in stock add up to exactly this amount: take some in first, or issue an e-invoice
money-fault-paper-known = Some of these papers were taken in before; check code and numbers
money-fault-not-in-stock = Some of these papers are not in this office's stock; check code and numbers
money-fault-papers-first = These are quota invoices: take them back under “Quota invoices”
done-quota-bought = Taken into stock.
done-quota-voided = The papers are void.
done-quota-wished = It is noted that the unit wants quota invoices.
done-quota-allotted = Allotted. Send them soon.
done-quota-sent = Noted. The unit can see it.
done-quota-released = Back in stock.
done-quota-returned = Taken back and void. Money can go back, or another invoice be made.
mail-quota-subject = Quota invoices sent or handed over
mail-quota-lead = The quota invoices that your unit asked for were posted, or handed over at the office.
mail-quota-next = Check codes, numbers and amounts when you have them. For a refund, bring all of them back first.
mail-quota-counter = Handed over at the office
mail-row-papers = Codes and numbers
mail-row-waybill = Waybill number
mail-kind-quota = Quota invoices

# Evidence of cases: printing, scanning, archives
papers-title = Papers to print
papers-hint = Print, have the unit seal them and the handler sign them (a person signs for themselves), then scan and add them.
paper-application = Application form
paper-agreement = Subscriber agreement
paper-handover = Handover receipt
paper-revocation = Revocation notice
paper-application-title = Application for a digital certificate ({ $process })
paper-document = { $document }, { $n } sheets
document-application-form = Application form, signed and sealed
document-agreement = Subscriber agreement, signed and sealed
document-handover-receipt = Handover receipt, signed
document-revocation-notice = Revocation notice, with the receipt
error-unprintable-what = A character cannot be printed
error-unprintable-kept = The case is as it was.
error-unprintable-next = No configured font has it. Check the names; if it is a rare character, ask the administrator to add a font to paper.fonts.

# Batches: import from sheets, signing many, letters about what ends

# Other words for the heads of columns, separated by |
batch-names-unit-name = Unit name|Unit|Company|Company name|Name
batch-names-uscc = Credit code|USCC|Unified social credit code|Code
batch-names-unit-kind = Kind|Kind of unit|Type
batch-names-address = Address|Registered address
batch-names-legal-person = Legal representative|Legal person|Head
batch-names-handler-name = Handler|Handler’s name|Contact
batch-names-handler-id = Resident number|ID number|Handler’s resident number
batch-names-handler-mobile = Mobile|Mobile number|Phone|Handler’s mobile
batch-names-years = Years|Term|Term in years
batch-names-key = Key|Key type|Algorithm
batch-years-units = year|years|y
batch-zip-names-licence = licence|license|business licence
batch-zip-names-id-card = id card|idcard|id
batch-zip-names-seal = seal|stamp

batch-rail = Batches
batch-title = Batches
batch-lead = Take many units in from one sheet. Download the template, fill it in and upload it. One faulty cell, and nothing of the sheet is taken in: mend it and upload it again.
batch-template = Download the template
batch-upload = Upload a sheet
batch-upload-label = The sheet
batch-upload-hint = XLSX or CSV (UTF-8 or GBK), up to 8 MB and 10,000 units.
batch-upload-button = Upload and check
batch-none = This office has taken in no batch yet.
batch-list = Latest batches
batch-col-number = Batch
batch-col-file = File
batch-col-lines = Units
batch-col-line = Row
batch-col-column = Column
batch-col-typed = What was typed
batch-col-said = Result of the check
batch-col-documents = Documents
batch-col-look = Look at
batch-state-faulty = Has faults
batch-state-checked = Can be taken in
batch-state-filling = Being taken in
batch-state-filled = Taken in
batch-state-cancelling = Being taken back
batch-state-cancelled = Taken back

# The file itself
batch-file-empty = The file is empty. Open it, see that it was saved with its content, and upload it again.
batch-file-too-large = The file is too large and was not read. Remove pictures and other sheets, or upload it in parts.
batch-file-too-many-rows = A sheet may have 10,000 units at most. Upload it in parts.
batch-file-too-wide = The sheet is too wide: something stands far out to the right. Delete the columns that are not needed.
batch-file-cell-too-long = A cell of row { $n } is far too long. Compare it and upload the sheet again.
batch-file-old-format = This is the old .xls format. Save it as .xlsx and upload that.
batch-file-wrong-type = This is neither XLSX nor CSV. Fill in the template and upload it.
batch-file-damaged = The file is damaged and cannot be read. Save it again and upload it.
batch-file-encoding = The text is neither in UTF-8 nor in GBK. Save it as XLSX and upload that.
batch-file-no-head = No head was found. The first row should name the columns: unit name, credit code and so on. Use the template.
batch-file-missing = These columns are missing: { $columns }. Use the template and delete no column.
batch-file-twice = Two columns are “{ $columns }”. Keep one of them.
batch-file-no-lines = There are no units under the head. Fill them in and upload the sheet again.
batch-file-none = Choose a file first.
batch-file-kept = No unit was taken in.

# Cells
fault-rounded = { $field } was made a number by the spreadsheet program, and its last digits are lost
fault-formula = { $field }: the formula failed and has no result
batch-fault = { $wrong }. { $mend }
batch-mend-missing = Fill in this cell.
batch-mend-too-long = Use the registered name and leave the rest out.
batch-mend-control = Empty the cell and type it by hand.
batch-mend-length = Compare it with the original and complete or shorten it.
batch-mend-character = Compare it with the original; take care with the letter O and zero, the letter I and one.
batch-mend-birthday = Compare characters 7 to 14 with the identity card.
batch-mend-check = Compare it with the original character by character.
batch-mend-mobile = Give the handler’s own mobile number without a prefix.
batch-mend-choice-kind = Choose the kind of unit from the list.
batch-mend-choice-years = Type a whole number from 1 to 5.
batch-mend-choice-key = Choose from the list, or leave it blank.
batch-mend-rounded = Set the column’s format to Text first, then type it again.
batch-mend-formula = Type the value itself and no formula.
batch-doubt-twice = Row { $line } has the same credit code
batch-doubt-case = { $n ->
    [one] { $n } application of this unit is
   *[other] { $n } applications of this unit are
} under way
batch-doubt-certificate = The unit has { $n ->
    [one] { $n } valid certificate
   *[other] { $n } valid certificates
}

# One batch
batch-page = Batch { $number }
batch-back = All batches
batch-lines = Units
batch-faulty = Rows with faults
batch-doubtful = Rows to look at
batch-made = Are applications now
batch-by = Uploaded by { $name } at { $when }
batch-faults-title = { $n ->
    [one] { $n } row has faults
   *[other] { $n } rows have faults
}: nothing was taken in
batch-faults-next = Download the report: faulty cells are marked, their notes say what is wrong and how to mend it. Mend it there and upload the report as the new sheet.
batch-report = Download the report
batch-report-warning = The report has whole resident numbers: delete it after use. Taking it is written to the audit.
batch-fault-list = Faults
batch-doubt-list = Look at these
batch-doubt-hint = These are no faults and can be taken in. See first whether they are done twice.
batch-more = Next page
batch-first = Back to the first page
batch-take-title = Without fault: can be taken in
batch-take-hint = Each unit becomes an application (a draft) that can be changed by itself; the batch can be taken back as a whole.
batch-take-button = Take in { $n ->
    [one] this unit
   *[other] all { $n } units
}
batch-preview = Preview
batch-moving = Being taken in: { $made } / { $lines }
batch-moving-back = The batch is being taken back
batch-moving-hint = You can leave this page: it goes on in the background. Should it stand still for a minute and a half, any entry officer can press “Go on”; if that does not help, ask the administrator to look at the background jobs.
job-batch = Take a batch in or back
batch-go-on = Go on
batch-progress = Progress
batch-whole = The whole batch
batch-filter = By state
batch-all = All
batch-empty = There are no such applications.
batch-complete = Complete
batch-lacks = Lacks { $documents }
batch-known-name = On record the unit is called { $was }
batch-known-handler = On record the handler is { $was }
batch-zip-title = Upload documents
batch-zip-hint = Pack the scans into a ZIP (up to 64 MB and 600 files; upload several if need be). Name each file by credit code and document, e.g. “91350100M000100Y43 licence.jpg”; a folder for each unit will do too.
batch-zip-label = ZIP file
batch-zip-button = Upload documents
batch-zip-damaged = This is no ZIP file, or a damaged one. No document was taken. Pack it again and upload it.
batch-zip-too-large = The archive is too large. No document was taken. Upload it in parts.
batch-zip-too-many = The archive has over 600 files. No document was taken. Upload it in parts.
batch-zip-locked = The archive is locked with a password. No document was taken. Upload it without one.
batch-zip-done = { $kept ->
    [one] { $kept } file
   *[other] { $kept } files
} taken, { $not } not
batch-zip-not-list = Files that were not taken
batch-zip-no-unit = No credit code of this batch in the name
batch-zip-no-kind = The name does not say which document it is
batch-zip-closed = The application was submitted and takes no other documents
batch-sign-title = Sign many
batch-prepare-button = Check and sign the complete drafts
batch-prepare-hint = Up to 200 at a time. The assistant’s window lists every one of them before you sign.
batch-review-button = Review many
batch-review-hint = Up to 200 at a time. Return or reject what has a fault first, then sign the rest in one go.
batch-sign-page-first = Batch { $number }: entry officer’s signature
batch-sign-page-second = Batch { $number }: review
batch-sign-lead = { $n ->
    [one] This application is signed.
   *[other] These { $n } applications are signed together.
} The assistant’s window lists each of them, takes the PIN once and signs each for itself.
batch-sign-button = Sign { $n ->
    [one] this application
   *[other] all { $n }
}
batch-sign-none = There is nothing that you can sign now.
batch-sign-none-first = Drafts can be signed once their documents are complete and no colleague has claimed them.
batch-sign-none-second = After the entry officer another officer reviews; nobody reviews what they took in themselves.
batch-decline-title = What has a fault
batch-decline-hint = Tick the applications at fault and say why. The others stay on the list to be signed.
batch-decline-which = Tick
batch-decline-reason = Reason
batch-decline-return = Return
batch-decline-reject = Reject
batch-decline-fault-which = Tick the applications at fault
batch-decline-fault-reason = Say why, in up to 200 characters
batch-outcome-title = What was signed
batch-outcome-done = { $n } signed
batch-outcome-not = { $n ->
    [one] { $n } was not signed
   *[other] { $n } were not signed
}; the others are
batch-outcome-why = Why not
batch-outcome-back = Back to the batch
batch-cancel-title = Take the batch back
batch-cancel-hint = Every application of it without a certificate is given up, and signatures on them are void. Those with a certificate, and those that a colleague has in hand, stay.
batch-cancel-button = Take the whole batch back
batch-reader = Entry officers handle batches; you can look at it.
done-batch-taken = It is being taken in; this page shows how far it is.
done-batch-cancelled = The batch is being taken back.
done-batch-submitted = All signed. Another officer reviews them.
done-batch-approved = All reviewed. If something is to be paid, the money is taken first; then the certificates can be made.
done-batch-declined = Noted.

# Template and report
batch-sheet-units = Units
batch-sheet-how = How to fill it in
batch-how-title = How to fill it in
batch-how-rows = One unit a row, { $n } at most. Leave the head as it is; columns may be moved. One faulty cell, and nothing is taken in.
batch-how-text = Credit codes, resident and mobile numbers must be Text (the template has it so), or the program changes their last digits.
batch-how-unit-name = The full name on the licence, up to 64 characters.
batch-how-uscc = 18 characters, letters in capitals.
batch-how-unit-kind = Choose from the list.
batch-how-address = As on the licence, up to 128 characters. Letters go there.
batch-how-legal-person = As on the licence.
batch-how-handler-name = Who comes with the token.
batch-how-handler-id = 18 characters; the last may be X.
batch-how-handler-mobile = 11 digits, the handler’s own.
batch-how-years = A whole number from 1 to 5.
batch-how-key = Choose from the list.
batch-how-optional = { $text } May be left blank: then it is { $usual }.

# Letters about what ends
letters-rail = Expiry letters
letters-title = Expiry letters
letters-lead = Choose a period: units whose certificates end in it, and that have no new one, get a letter. One sheet each, folded in three for a window envelope (DL).
letters-from = From
letters-to = To
letters-show = Show
letters-none = No unit’s certificate ends in this period.
letters-count = { $n ->
    [one] { $n } unit
   *[other] { $n } units
}, of which { $printed } printed
letters-more = 500 at most are shown, and there are more. Choose a shorter period.
letters-print = Print { $n ->
    [one] the letter
   *[other] the { $n } letters
} not printed yet
letters-print-again = Print all again
letters-print-hint = Gives one PDF; what was printed is marked.
letters-addresses = Download the addresses
letters-col-printed = Printed
letters-not-printed = Not printed
letters-sheet = Addresses
letters-fault-days = Choose valid days, not over 400 apart
letters-fault-none = All were printed; to print them once more choose “Print all again”

# Command line
cli-two-tokens = Several tokens have the label “{ $label }”. Use the serial number instead.
cli-no-token = No token with the serial number or label “{ $label }”. Plug it in and try again.
cli-blank = not initialised
cli-certificate = { $name }, { $use }, serial { $serial }, valid until { $until } ({ $days } days left)
cli-ask-so-pin = Security officer PIN (SO PIN)
cli-so-pin-empty = The SO PIN must not be empty.
cli-list-line = Line { $n } of the list is no serial number with an admin PIN.
cli-admin-pin-set = { $serial }: the admin PIN is the office's.
cli-initialised = The token is initialised. Its serial number is { $serial }.
cli-ask-pin = Token PIN
cli-ask-new-pin = New PIN
cli-ask-new-pin-again = New PIN again
cli-ask-operator-pin = Token operator’s PIN
cli-ask-ticket = Provisioning ticket
cli-not-a-ticket = This is not a provisioning ticket. Copy it from the registration console again.
cli-enrol-how = Use one of: --request-out FILE with --common-name NAME; --install FILE; --ra ORIGIN with --operator-token TOKEN.
cli-request-written = The certificate request is in { $file }.
cli-installed = The certificate is written and tested: { $name }, valid until { $until }.
cli-no-operator = The token “{ $label }” has no valid staff certificate.
cli-offer = Provisioning for “{ $name }”:
cli-delivered = Done. The certificate’s serial number is { $serial }.
cli-agent-runs = The certificate assistant runs at { $address }
cli-config-fault = The configuration is at fault: { $detail }
doctor-good = good
doctor-attention = attention
doctor-bad = bad

# Tokens and PINs
no-token = No token found. Plug in the USB token and try again.
valid-until = Valid until { $until }, { $n ->
    [one] { $n } day left
   *[other] { $n } days left
}
pin-tries = PIN: { $tries }
tries-left = { $n ->
    [one] { $n } try left
   *[other] { $n } tries left
}
tries-low = a wrong PIN was typed recently, so type with care
tries-final = one more wrong PIN locks it
tries-locked = PIN locked
tries-unknown = tries left unknown
wrong-pin = Wrong PIN: { $tries }. Type it again.
pin-locked = The PIN is locked. The certificate is not lost. The handler must bring the token, a letter of the unit and their own ID card to an office, which unlocks it.
pin-refused = The token does not accept this new PIN. Choose another.
pin-changed = The PIN is changed. Remember the new one.
pin-rule-length = The new PIN must have 6 to 16 characters.
pin-rule-characters = The new PIN may only have English letters, digits and symbols, and no blanks.
pin-rule-initial = The new PIN must not be the initial PIN 123456.
pin-rule-simple = The new PIN is too simple: not one character repeated, and no runs of digits or letters.
pin-rule-unchanged = The new PIN must differ from the old one.
pin-rule-mismatch = The two new PINs are not the same.
token-removed = The token ({ $serial }) was pulled out or has bad contact. Plug it in firmly and try again. What was done so far is kept.
token-not-ready = There is no blank token to initialise.
token-no-key = The token has no key for this certificate.
token-full = The token has no room left. Take it to an office.
token-kind = This token cannot make { $kind } keys: its module does not have the algorithm. Use a token that can, or have the order made for another kind of key.
token-broken = The token or its driver does not work. Pull it out and plug it in again. If that does not help, tell an office: { $detail }
certificate-expired = Expired: it must be renewed
days-left = { $n ->
    [one] { $n } day left
   *[other] { $n } days left
}

# Provisioning
step-open = Read the approved order
step-key = Make the key in the token
step-request = Sign the certificate request with it
step-binding = Operator’s signature
step-redeem = Have the CA issue the certificate
step-write = Write certificates and encryption key, read them back
step-self-test = Test signing and decrypting
step-confirm = Confirm delivery to the registration authority
provision-token = The unit’s token: { $why }
provision-operator = The operator’s token: { $why }
provision-does-not-fit = The registration authority’s answer does not fit the order. We stopped and wrote nothing. Tell the administrator: { $detail }
provision-certificate = The certificate that came cannot be used: { $detail }
provision-foreign-key = This certificate belongs to another token: no key on this one fits. Use the token that made the request.
provision-envelope = The encryption key could not be put on the token: its envelope is not for this token, or was changed. Nothing is lost; tell the administrator: { $detail }
provision-self-test = The token did not pass its test. Take a new token and tell the administrator. ({ $detail })
provision-message = The signed message cannot be made: { $detail }
ra-unreachable = The registration authority cannot be reached now. What was done so far is kept. Check the network and try again.
ra-ticket-unknown = The provisioning ticket is not valid. Open the provisioning page in the registration console again.
ra-ticket-expired = The provisioning ticket has expired (it is good for 30 minutes). Open the provisioning page in the registration console again: the work goes on where it stopped.
ra-ticket-used = The provisioning ticket was used already. Look at the order in the registration console.
ra-ca-unavailable = The CA cannot issue now. The order is kept. Try again later.
ra-refused = The registration authority refuses: { $detail }
ra-not-understood = The registration authority’s answer cannot be read. Tell the administrator. ({ $detail })

# Environment check
agent-name = Certificate assistant
check-driver = Driver
check-token = Token
check-tokens = { $n ->
    [one] works, { $n } token found
   *[other] works, { $n } tokens found
}
check-clock = The certificate is not valid yet: check this computer’s date and time
check-agent-runs = runs
check-agent-absent = does not run
check-site-reached = can be reached
check-site-not-reached = cannot be reached: check the network

# The assistant's pages
language-name = English
on-this-computer = Runs on this computer only
skip = Skip to the content
nav-label = Pages
nav-home = My certificates
nav-pin = Change PIN
nav-check = Check this PC
foot = The certificate assistant runs on this computer only. Type your PIN in the assistant’s windows and nowhere else: no site and no member of staff will ever ask for it.
waiting-heading = Waiting for the site’s request…
waiting-text = Please leave this window open.
needs-script = This window needs JavaScript.
lost-heading = The certificate assistant does not answer
lost-text = Close this window, make sure that the assistant runs, and start again on the site. What was done so far is kept.
alone-heading = Sites open this window
alone-text = Begin on the site where you have something to do, such as the housing fund portal or the registration console. The assistant then opens by itself.
detail = Details:
try-again = Try again
close = Close
cancel = Cancel
later = Later
error-summary = Not done yet
asks = Asked by
exact = Show the exact text
exact-hint = This is signed, letter by letter:
choose-certificate = Sign with which certificate?
pin-label = Token PIN
pin-hint = Type it only if what stands above is right. It stays on this computer and is never sent to the site.
pin-empty = Type the PIN.
sign-button = Agree and sign
sign-batch = Sign { $n ->
    [one] { $n } order
   *[other] { $n } orders
}
sign-batch-meaning = Every order is listed here. Look through the list to its end: each one is signed for itself, all of them with this PIN, or none.
sign-batch-button = Agree and sign { $n ->
    [one] this order
   *[other] all { $n }
}
signed-heading = Signed
signed-text = The site has the result. This window closes.
cancelled = Cancelled: nothing was signed.
must-change-heading = First change the initial PIN
must-change-text = Your PIN is still the initial one, 123456. To protect you nothing is signed before you change it. We go on by ourselves once it is changed.
new-pin-label = New PIN
new-pin-hint = 6 to 16 letters, digits or symbols; not 123456, not one character repeated, no runs.
new-pin-again-label = New PIN again
change-and-go-on = Change it and sign
chosen-token = the chosen certificate
refused-heading = This request is refused
refused-origin-text = The site that asks is not on the list of trusted sites. The assistant gave it nothing. If you believe that it is a proper site, ask an office.
refused-not-understood = The site’s request cannot be understood. Nothing was signed. Go back to the site and try again; if that does not help, ask an office.
refused-not-for-this-site = This site may not ask for this. Nothing was signed.
refused-another-site = The site wants you to sign the login of another site. This may be a fraud. Nothing was signed. Do not go on, and tell an office.
refused-expired = The login request has expired. Nothing was signed. Go back to the site and log in again; if this keeps happening, check this computer’s date and time.
refused-too-many = The site asked for no order, or for more than 200 at once. Nothing was signed. Go back and sign them in several goes.
refused-twice = One order is in the list twice. Nothing was signed. Go back to the site and open the list again.
refused-alone = The list holds something that is not an order and must be signed by itself. Nothing was signed.
internal-heading = The certificate assistant has a fault
internal-text = It was not done and nothing was signed. Try again; if that does not help, restart the assistant or ask an office.
locked-heading = The PIN is locked
no-certificate-heading = No certificate to use
no-certificate-staff = No valid staff certificate was found. Plug in your staff token and try again.
no-certificate-unit = No valid certificate of a unit was found. Plug in your unit’s token and try again. If the certificate has expired, renew it first.
no-certificate-any = No valid certificate was found. Plug in the token and try again.

# What is signed
sign-login = Log in to the { $where }
login-staff = registration console
login-portal = housing fund portal
sign-login-meaning = The signature only proves that it is you. It does no business. While you are signed in, the assistant tells that site that the token is plugged in; pulling the token signs you out.
sign-issue = Approve a unit’s certificate
sign-issue-person = Approve a person’s certificate
sign-issue-staff = Approve an officer’s certificate
sign-issue-meaning = You confirm that the documents were examined by the rules, and agree that the CA issues this certificate.
sign-revoke = Revoke a certificate
sign-revoke-meaning = A revocation cannot be undone. The certificate stops working at once.
sign-hold = Hold a certificate
sign-hold-meaning = The hold works at once: the certificate cannot be used until it is released. It may also be revoked.
sign-release = Release a certificate
sign-release-meaning = The certificate works again once it is released.
sign-amend = Say that a key was compromised
sign-amend-meaning = The certificate stays revoked; from now on the reason given is a compromised key.
row-good-until = Request good until
row-unit = Unit
row-uscc = Unified social credit code
row-person = Name
row-person-number = Number at the service
row-officer = Officer
row-officer-office = Their office
row-roles = Duties
row-place = Place
row-years = Term
row-ground = Business
row-replaces = Replaces certificate
row-replaces-reason = Reason for revoking the old one once the new one is installed
row-key = Key
row-profile = Kind of certificate
row-serial = Serial number
row-issuer = Issuing CA
row-reason = Reason
row-office = Office
row-created = Written
row-evidence = Examined
row-order = Order number
row-validity = Validity
row-use = Use
use-signature = signatures and login
use-encryption = decrypting
years = { $n ->
    [one] { $n } year
   *[other] { $n } years
}
ground-renewal = renewal
ground-loss = re-issue after loss
ground-exchange = warranty exchange
ground-change = change of particulars
years-kept = until the old certificate's end
years-extended = { $n ->
    [one] { $n } year after the old certificate's end (or from the day of issue, if that is past)
   *[other] { $n } years after the old certificate's end (or from the day of issue, if that is past)
}
documents = { $n ->
    [one] { $n } document
   *[other] { $n } documents
}
reason-unspecified = not given
reason-key_compromise = token lost or stolen
reason-affiliation_changed = the unit’s particulars changed
reason-superseded = replaced by a newer certificate
reason-cessation_of_operation = the unit ended, or the certificate was not delivered
reason-privilege_withdrawn = breach of contract, unpaid, or false information
role-ra_entry = entry
role-ra_reviewer = review
role-token_operator = token making
role-ra_supervisor = supervision
role-finance = finance
role-kmc_officer = key management
role-auditor = audit
role-administrator = administration
role-loss_desk = loss desk (automatic)

# The provisioning window
provision-heading = Make a certificate
provision-meaning = Two officers have approved it. You make the key in the holder’s token, sign for it, and write the certificate.
provision-not-opened = The provisioning cannot be opened
provision-button = Begin
provision-continue = Continue
target-legend = 1. The holder’s token
target-missing = The holder’s token was not found. Plug it in and press “Look again”.
target-pin = PIN of the holder’s token
target-pin-hint = A new token has the initial PIN 123456. The holder must change it on first use.
operator-legend = 2. The token operator’s certificate
operator-missing = No valid staff certificate was found. Plug in your own token and press “Look again”.
operator-pin = The operator’s PIN
operator-pin-hint = Your signature says that this key was made in this token for this order.
look-again = Look again
token-empty = No certificate on it yet
token-holds = { $n ->
    [one] Holds { $n } certificate, which stays
   *[other] Holds { $n } certificates, which stay
}
do-not-unplug = Leave the tokens plugged in. If this stops it can be continued, and nothing is made twice.
how-far = How far it came
how-far-text = Everything done so far is kept. Once the trouble is mended, continue with the same token: there will be no second key and no second certificate.
step-done = done
step-now = at work
step-failed = stopped
step-todo = to do
pins-empty = Type both PINs.
operator-pin-initial = The operator’s PIN is still the initial one, 123456. Change it first on the page “Change PIN”.
choose-token = Choose the holder’s token.
choose-operator = The operator’s certificate is gone. Plug in the operator’s token and try again.
choose-two-tokens = The holder’s token and the operator’s token must be two different ones.
provisioned-heading = The certificate is made
provisioned-text = It is on the token, was read back and tested, and its delivery is confirmed. You can unplug the token now.
give-up-summary = It cannot go on? Give this provisioning up
give-up-text = For instance because the token is broken. A certificate that was issued is then revoked as “never delivered”, and a new order is needed. This cannot be undone.
give-up-button = Give up and revoke
given-up-heading = The provisioning is given up
given-up-text = A certificate that was issued for it is revoked. Submit a new order in the registration console.
not-given-up-heading = It was not given up

# The assistant's own pages
no-token-heading = No token found
jump-heading = Sites
not-yet-valid = Not valid yet
advice-renew = It can be renewed now. If you renew before it ends, nothing is interrupted.
advice-expired = It can no longer be used to log in or sign. Renew it soon, or go to an office.
choose-token-legend = Change the PIN of which token?
old-pin-label = Present PIN
old-pin-hint = A new token has the initial PIN 123456.
change-pin-button = Change PIN
pin-changed-heading = Changed
stale-heading = This page is used up
stale-text = It was sent before, or was open for too long. Nothing was changed. Open “Change PIN” again.
check-intro = Drivers, tokens, certificates, and whether the sites can be reached.
check-again = Check again
not-found-heading = No such page
not-found-text = Begin at “My certificates”.

# Unlocking
pin-rule-temporary = The new PIN must not be T- and eight digits: that is the form of a temporary PIN.
admin-pin-refused = The admin PIN that the office keeps does not fit this token; it was not unlocked. Do not try again, and hand the token back to the office.
admin-pin-locked = The token’s admin PIN is locked, so it can never be unlocked again. An office re-issues the certificate on a new token.
ra-grant-unknown = The unlock code is not known. Compare it once more, or have the office give a new one.
ra-grant-expired = The unlock code has expired (it is good for 15 minutes). Have the office give a new one.
ra-grant-used = The unlock code was used. Have the office give a new one.
unlock-heading = Unlock a token
unlock-meaning = Two officers approved that this token is unlocked. Certificates and keys stay as they are; only the PIN is set anew.
unlock-other-certificate = The token that is plugged in has not the certificate that was approved. It was not unlocked and the code is still good. Plug in the right token and look again.
unlock-by-holder = The holder sets a new PIN
unlock-by-holder-text = The holder types the new PIN; the officer looks away.
unlock-button = Unlock with the new PIN
unlock-temporary-summary = Is the holder away?
unlock-temporary-text = A temporary PIN can be set: drawn by the assistant and shown once. It must be changed before anything is signed.
unlock-temporary-button = Unlock with a temporary PIN
unlocked-heading = Unlocked
unlocked-text = The new PIN holds, and the token has told the office so by its signature. Remember the new PIN.
unlocked-untold-text = The new PIN holds, but the office could not be told just now. The token can be used; tell the office that it is done.
temporary-heading = Unlocked with a temporary PIN
temporary-text = Hand the temporary PIN to the holder with the token. It is shown this once; at first use the assistant demands another.
not-unlocked-heading = Not unlocked
not-unlocked-text = { $why }
row-holder = Holder of the certificate
row-token = Token number
row-unlock = Unlock number
row-temporary-pin = Temporary PIN
must-change-temporary-heading = Change the temporary PIN first
must-change-temporary-text = Your PIN is the temporary one that an office set. Change it before you sign; then the signing goes on by itself.
sign-unlock = Approve the unlocking of a token
sign-unlock-meaning = You confirm that the identity was checked. The token can then be unlocked once within 15 minutes; certificates and keys stay.
row-way = Where
way-counter = At the counter, the holder being there
way-remote = On the unit’s own computer
row-checked = How the identity was checked
cli-ask-grant = Unlock code
cli-not-a-grant = This is not an unlock code: it has 24 letters and digits. Copy it again.
cli-unlocked = Unlocked; the new PIN holds.
cli-untold = The new PIN holds, but the office could not be told just now. Tell it yourself.
cli-unlock-offer = Unlocking the token of “{ $holder }” ({ $number })

# Archives of cases
sign-archive = Sign a case's archive and take it out
sign-archive-meaning = With your certificate you vouch that the archive is whole and unchanged. That you took it out is written into the audit log.
row-case = Case
row-files = Files
row-resident-number = Handler's resident number
resident-number-full = in full in the archive
resident-number-masked = masked
row-manifest = SHA-256 of the list of files

# Recoveries of keys
sign-recovery = Approve the recovery of an encryption key
sign-recovery-meaning = You confirm that the grounds suffice. When the second officer has signed too, this old encryption key is wrapped for the certificate below, and old encrypted data will open.
row-recovery-serial = Serial number of the encryption certificate
row-recovery-recipient = SHA-256 of the certificate that gets it
row-recovery-why = Unit and reason
row-invalid-since = Key no longer trusted since

## A unit renews online by itself
login-unit = the unit certificate service
renew-heading = Install the renewed certificate
renew-meaning = The fee is paid. A new key will be made in your token, your present certificate will sign for it, and the renewed certificate will be written. Until it is installed and checked, the present one goes on working.
renew-token = Your token
renew-pin = PIN of the token
renew-pin-hint = The one that you signed in with. It stays the same after the renewal.
renew-missing = The certificate to renew was not found. Plug in the USB key that has it, then choose “Look again”.
renew-button = Install the renewed certificate
renew-continue = Go on installing
renew-pin-initial = The PIN is still the initial one, 123456. Change it on the assistant’s page “Change PIN” first, then install.

fund-act-remit = Remit contributions for a month
fund-act-open = Open accounts for employees
fund-act-seal = Seal an employee’s account
fund-act-unseal = Unseal an employee’s account
fund-act-rebase = Change contribution bases
fund-act-make-up = Make up contributions
fund-act-change-unit = Change the unit’s particulars
fund-act-change-person = Change an employee’s particulars
fund-act-reverse = Reverse a booked transaction
fund-field-month = Month
fund-field-heads = Heads
fund-field-unit-share = Unit’s share (yuan)
fund-field-personal-share = Employees’ share (yuan)
fund-field-total = Total (yuan)
fund-field-capitals = Total in capitals
fund-field-pay = Paid
fund-field-person = Employee
fund-field-id-number = Id number
fund-field-base = Base (yuan)
fund-field-reason = Reason
fund-field-words = Remarks
fund-field-address = Address
fund-field-handler = Handler
fund-field-mobile = Mobile number
fund-field-payday = Payday
fund-field-bank = Entrusted bank
fund-field-serial = Transaction reversed
fund-pay-suspense = Out of suspense
fund-pay-transfer = By bank transfer
fund-reason-left = Left
fund-reason-leave = Unpaid leave
fund-reason-unpaid = Wages stopped
fund-reason-retired = Retired
fund-reason-died = Died
fund-reason-other = Other
sign-fund-meaning = The fund books it as it stands here, and keeps the signature, your certificate and the exact text as evidence. What is booked can be reversed, but not changed.
row-fund-account = Unit account
row-fund-list = List
fund-list-lines = { $n ->
    [one] { $n } line
   *[other] { $n } lines
 }
row-fund-serial = Serial number
row-fund-list-hash = SHA-256 of the list

sign-withdrawal = Withdraw from your provident fund
sign-withdrawal-meaning = The fund books it at once and orders the bank to pay to your own account below. It keeps the signature, your certificate, the result of the face check and the exact text as evidence.
sign-withdrawal-closing = Withdraw everything and close the account
sign-withdrawal-closing-meaning = The fund settles interest, books, closes the account and orders the bank to pay to your own account below, all at once. Closing cannot be undone. It keeps the signature, your certificate, the result of the face check and the exact text as evidence.
withdrawal-amount = Amount (yuan)
withdrawal-capitals = Amount in capitals
withdrawal-interest = Of it interest (yuan)
withdrawal-reason = Why
withdrawal-payee = Paid to
withdrawal-person = Who withdraws
withdrawal-account = Employee’s account
withdrawal-face = Face check
withdrawal-face-hash = SHA-256 of its result
withdrawal-reason-purchase = To buy a home
withdrawal-reason-build = To build, rebuild or repair a home
withdrawal-reason-retired = Retirement
withdrawal-reason-disabled = Unable to work, and employment ended
withdrawal-reason-abroad = Moved away or settled abroad
withdrawal-reason-repay-loan = To repay a home loan
withdrawal-reason-rent = To pay rent
withdrawal-reason-died = Death
withdrawal-reason-illness = Serious illness
withdrawal-reason-other = Other
no-certificate-person = No valid certificate of a person was found. Plug in your own token and try again.

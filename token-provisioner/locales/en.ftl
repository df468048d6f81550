# Command line
cli-two-tokens = Several tokens have the label “{ $label }”. Use the serial number instead.
cli-no-token = No token with the serial number or label “{ $label }”. Plug it in and try again.
cli-blank = not initialised
cli-certificate = { $name }, serial { $serial }, valid until { $until } ({ $days } days left)
cli-ask-so-pin = Security officer PIN (SO PIN)
cli-so-pin-empty = The SO PIN must not be empty.
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
step-write = Write the certificate and read it back
step-self-test = Test signature
step-confirm = Confirm delivery to the registration authority
provision-token = The unit’s token: { $why }
provision-operator = The operator’s token: { $why }
provision-does-not-fit = The registration authority’s answer does not fit the order. We stopped and wrote nothing. Tell the administrator: { $detail }
provision-certificate = The certificate that came cannot be used: { $detail }
provision-foreign-key = This certificate belongs to another token: no key on this one fits. Use the token that made the request.
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

# The housing fund's online hall
portal-rail-unit = Unit information
portal-rail-certificate = My certificate
portal-unit-title = Unit information
portal-as-of = As of { $when } (Beijing time)
portal-balance = Account balance
portal-balance-hint = yuan, sum of the employees’ accounts
portal-paid-through = Paid through
portal-paid-through-hint = last month that is paid for
portal-heads = Contributing employees
portal-heads-sealed = and { $n } sealed
portal-suspense = Suspense balance
portal-suspense-hint = yuan, received and not yet allocated
portal-account = Unit account
portal-account-number = Account number
portal-account-status = Account status
portal-unit-rate = Unit’s contribution rate
portal-personal-rate = Employees’ contribution rate
portal-opened = Opened on
portal-bank = Entrusted bank
portal-unit = Unit
portal-unit-name = Name
portal-uscc = Unified social credit code
portal-address = Address
portal-handler = Handled by
portal-mobile = Handler’s mobile
portal-unit-change = Address, handler, mobile, payday and bank are changed under “Business”; for name, credit code and rates bring the documents to the { $fund }.
portal-status-normal = Normal
portal-status-opened = Opened
portal-status-deferred = Payment deferred
portal-status-closed = Closed
portal-status-sealed = Sealed
portal-status-other = Other
portal-days-left = { $n ->
    [one] { $n } day left
   *[other] { $n } days left
  }
portal-certificate-title = My certificate
portal-certificate-until = The certificate is valid until { $day }.
portal-certificate-more = See the certificate and logins
portal-certificate-soon = { $n ->
    [one] The certificate expires in { $n } day
   *[other] The certificate expires in { $n } days
  }
portal-certificate-renew-why = After that you cannot log in. Please renew it in good time.
portal-certificate-renew = How to renew a certificate
portal-certificate-last-day = Valid until
portal-certificate-issuer = Issued by
portal-certificate-serial = Serial number
portal-certificate-checked = Status
portal-certificate-checked-at = Asked of its issuer at login, { $when }: good
portal-logins = Last logins
portal-logins-hint = If one of these was not you, call the registration office at once to have the certificate held.
portal-login-at = When (Beijing time)
portal-login-record = Login record
portal-login-this = this one

# Vouchers, the electronic seal, and what is printed of queries
fund-voucher-original = Original
fund-voucher-nth = Print no. { $n }
fund-voucher-monthly = Monthly contributions in all
fund-voucher-monthly-capitals = Monthly contributions in capitals
fund-seal-purpose = Seal for electronic vouchers
fund-print-at = printed { $when } (Beijing time)
fund-print-page = Page
fund-print-of = of
fund-print-end = -
fund-print-cut = Another { $n } rows are not printed; download XLSX or CSV for all. The totals are those of all rows.
fund-print-sealed = Sealed accounts

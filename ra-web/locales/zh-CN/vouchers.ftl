# 凭证、电子印章，以及查询结果打印
fund-voucher-original = 原件
fund-voucher-nth = 第 { $n } 次打印
fund-voucher-monthly = 月缴存额合计
fund-voucher-monthly-capitals = 月缴存额大写
fund-seal-purpose = 电子凭证专用章
fund-print-at = 打印于 { $when }（北京时间）
fund-print-page = 第
fund-print-of = 页，共
fund-print-end = 页
fund-print-cut = 另有 { $n } 行未打印，请下载 XLSX 或 CSV 查看全部。合计包含全部各行。
fund-print-sealed = 封存人数

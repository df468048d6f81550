# 查找与单位档案
find-how = 请输入单位名称（几个字即可）、统一社会信用代码、证书序列号、受理编号、指令编号或经办人员姓名。
find-pages = 翻页
find-before = 上一页
find-after = 下一页
find-of-officer = { $name } 受理或审核的申请
unit-now = 单位档案
unit-namesakes = 另有同名单位，信用代码不同
unit-office = 最近服务的受理点
unit-since = 首次领证
unit-from-case = 经办人来自申请

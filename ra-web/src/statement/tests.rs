//! A corpus of statements as banks give them out, and as they must not be.

use super::*;

const HEAD: &str = "交易日期,交易时间,流水号,借方发生额,贷方发生额,余额,对方户名,对方账号,摘要,附言";

fn csv(rows: &[&str]) -> String {
    format!("{HEAD}\r\n{}\r\n", rows.join("\r\n"))
}

fn gbk(text: &str) -> Vec<u8> {
    encoding_rs::GBK.encode(text).0.into_owned()
}

fn rows_of(fault: FileFault) -> Vec<(usize, RowFault)> {
    match fault {
        FileFault::Rows { rows, .. } => rows.into_iter().map(|row| (row.row, row.fault)).collect(),
        other => panic!("{other:?}"),
    }
}

const ONE: &str =
    "2026-11-30,10:11:12,A0001,,\"1,200.00\",\"9,999.00\",东湖建筑（示范）有限公司,1305 0210 1234,转账,XT123456784";

#[test]
fn the_same_table_is_the_same_in_every_encoding_and_spelling() {
    let plain = csv(&[ONE]);
    let wanted = read(plain.as_bytes()).expect("UTF-8");
    let line = &wanted.lines[0];
    assert_eq!((line.row, line.day.to_string().as_str(), line.amount), (2, "2026-11-30", Fen::yuan(1_200)));
    assert_eq!((line.serial.as_deref(), line.payer_account.as_str()), (Some("A0001"), "130502101234"));
    assert_eq!((line.payer.as_str(), line.memo.as_str()), ("东湖建筑(示范)有限公司", "转账 XT123456784"));
    for bytes in [
        format!("\u{feff}{plain}").into_bytes(),
        gbk(&plain),
        plain.replace("1,200.00", "１,２００.００").into_bytes(),
        plain.replace("1,200.00", "1200").into_bytes(),
        plain.replace("2026-11-30", "20261130").into_bytes(),
        plain.replace("2026-11-30", "2026年11月30日").into_bytes(),
        plain.replace("2026-11-30", "2026/11/30 10:11:12").into_bytes(),
        plain.replace("\"1,200.00\"", "1200.00").replace("\"9,999.00\"", "9999").replace(',', "\t").into_bytes(),
        format!("账户明细查询\r\n账号：,1305000011112222\r\n{plain}合计,,,0.00,\"1,200.00\"\r\n").into_bytes(),
    ] {
        let got = read(&bytes).expect("the same");
        let (got, wanted) = (&got.lines[0], line);
        assert_eq!(StatementLine { row: 0, ..got.clone() }, StatementLine { row: 0, ..wanted.clone() });
    }
}

#[test]
fn direction_stands_in_two_columns_in_a_mark_or_in_a_sign() {
    let sums = |text: &str| -> Vec<i64> {
        read(text.as_bytes()).expect("a table").lines.iter().map(|line| line.amount.fen()).collect()
    };
    let columns = csv(&[
        "2026-11-30,,1,,200.00,,甲,,,",
        "2026-11-30,,2,50.00,0.00,,乙,,,",
        "2026-11-30,,3,,-200.00,,甲,,冲正,",
        "2026-11-30,,4,-50.00,,,乙,,冲正,",
    ]);
    assert_eq!(sums(&columns), [20_000, -5_000, -20_000, 5_000], "a correction goes the other way");
    let mark = "记账日期,流水号,发生额,借贷标志,对方名称,用途\n20261130,1,200,贷,甲,\n20261130,2,50,借,乙,\n\
        20261130,3,7,C,丙,\n20261130,4,(8.00),D,丁,\n";
    assert_eq!(sums(mark), [20_000, -5_000, 700, 800]);
    let sign = "日期,交易流水号,金额,对方户名,备注\n2026-11-30,1,+200.00,甲,\n2026-11-30,2,-50.00,乙,\n2026-11-30,3,8.00-,丙,\n";
    assert_eq!(sums(sign), [20_000, -5_000, -800]);
}

#[test]
fn every_faulty_row_is_named_and_nothing_of_the_file_is_taken() {
    let table = csv(&[
        ONE,
        "2026-11-31,,2,,200.00,,甲,,,",
        "2026-11-30,,3,,two hundred,,甲,,,",
        "2026-11-30,,4,1.00,2.00,,甲,,,",
        "2026-11-30,,5,,,,甲,,,",
        "2026-11-30,,6,,1.001,,甲,,,",
        "甲,,7,,1.00,,甲,,,",
    ]);
    let faults = [
        (3, RowFault::Day),
        (4, RowFault::Amount),
        (5, RowFault::BothSides),
        (6, RowFault::Amount),
        (7, RowFault::Amount),
        (8, RowFault::Day),
    ];
    assert_eq!(rows_of(read(table.as_bytes()).expect_err("faulty")), faults);
    let more = "账号,日期,流水号,金额,借贷标志,币种\n1305000011112222,2026-11-30,1,2,贷,人民币\n\
        1305000011112222,2026-11-30,2,2,贷,USD\n1305000011112222,2026-11-30,3,2,?,CNY\n\
        1305000011113333,2026-11-30,4,2,贷,CNY\n1305000011112222,2026-11-30,6.2E+18,2,贷,CNY\n";
    let faults = [(3, RowFault::Currency), (4, RowFault::Direction), (5, RowFault::Account), (6, RowFault::Form)];
    assert_eq!(rows_of(read(more.as_bytes()).expect_err("faulty")), faults);
    let many: Vec<String> = (0..80).map(|n| format!("2026-02-30,,{n},,1,,,,,")).collect();
    let many = csv(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let Err(FileFault::Rows { rows, count }) = read(many.as_bytes()) else { panic!("all faulty") };
    assert_eq!((rows.len(), count), (MOST_FAULTS, 80));
}

#[test]
fn what_is_no_statement_is_said_to_be_none() {
    let word = |bytes: &[u8]| read(bytes).expect_err("no statement").word();
    let mut wrong = csv(&[ONE]).into_bytes();
    wrong.extend([0xff, 0xff, b'\n']);
    assert_eq!(word(&wrong), "encoding");
    assert_eq!(word(b""), "empty");
    assert_eq!(word(b"PK\x03\x04"), "workbook");
    assert_eq!(word("单位,金额\n甲,1\n".as_bytes()), "no-head");
    assert_eq!(word("对方户名,金额\n甲,1\n".as_bytes()), "no-column");
    assert_eq!(word("日期,对方户名\n2026-11-30,甲\n".as_bytes()), "no-column");
    assert_eq!(word(format!("{HEAD}\n").as_bytes()), "no-lines");
    assert_eq!(word(&vec![b'x'; MAX_FILE_BYTES + 1]), "too-large");
    let many: String = (0..=MAX_LINES).map(|n| format!("2026-11-30,,{n},,1,,,,,\n")).collect();
    assert_eq!(word(format!("{HEAD}\n{many}").as_bytes()), "too-many-rows");
}

const MT940: &str = "{1:F01BANKCNBJXXX0000000000}{2:I940}{4:\r\n:20:ST261130\r\n:25:BANKCNBJ/1305000011112222\r\n:28C:334/1\r\n\
:60F:C261129CNY1000,00\r\n:61:2611301130CR400,00NTRFNONREF//BK778899\r\n:86:?20XT123456784?21 ZHENGSHU?31130502101234?32东湖建筑?33有限公司\r\n\
:61:2611301130D50,NCHGFEE1\r\nTEXT\r\n:86:/NAME/银行/REMI/手续费/\r\n:62F:C261130CNY1350,00\r\n-}\r\n";

#[test]
fn mt940_is_read_with_its_details_and_added_up() {
    for bytes in [MT940.as_bytes().to_vec(), gbk(MT940), MT940.replace("\r\n", "\n").into_bytes()] {
        let statement = read(&bytes).expect("a statement");
        assert_eq!(statement.account.as_deref(), Some("1305000011112222"));
        assert_eq!((statement.opening, statement.closing), (Some(Fen::yuan(1_000)), Some(Fen::yuan(1_350))));
        let [came, went] = statement.lines.as_slice() else { panic!("two lines") };
        assert_eq!((came.amount, came.serial.as_deref()), (Fen::yuan(400), Some("BK778899")));
        assert_eq!((came.payer.as_str(), came.payer_account.as_str()), ("东湖建筑有限公司", "130502101234"));
        assert_eq!(came.memo, "XT123456784 ZHENGSHU");
        assert_eq!((went.amount, went.serial.as_deref(), went.payer.as_str()), (-Fen::yuan(50), Some("FEE1"), "银行"));
        assert!(went.memo.contains("手续费"), "{}", went.memo);
    }
    let two = format!(
        "{MT940}{}",
        MT940
            .replace("C261129CNY1000,00", "C261130CNY1350,00")
            .replace("CNY1350,00\r\n-}", "CNY1700,00\r\n-}")
            .replace("BK778899", "BK778900")
            .replace("FEE1", "FEE2")
    );
    let statement = read(two.as_bytes()).expect("two messages");
    assert_eq!((statement.lines.len(), statement.closing), (4, Some(Fen::yuan(1_700))));
}

#[test]
fn an_mt940_that_does_not_add_up_or_breaks_off_is_refused() {
    let changed = |from: &str, to: &str| read(MT940.replace(from, to).as_bytes()).expect_err("refused");
    assert_eq!(changed("CNY1350,00", "CNY1350,01").word(), "balance");
    assert_eq!(changed("CR400,00", "CR400,01").word(), "balance");
    assert_eq!(changed(":62F:C261130CNY1350,00\r\n", "").word(), "broken");
    assert_eq!(changed("C261129CNY", "C261129USD").word(), "broken");
    assert_eq!(rows_of(changed("CR400,00", "XX400,00")), [(6, RowFault::Direction)]);
    assert_eq!(rows_of(changed("CR400,00", "CR4.00")), [(6, RowFault::Amount)]);
    assert_eq!(rows_of(changed(":61:261130", ":61:261131"))[0], (6, RowFault::Day));
}

const CAMT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<c:Document xmlns:c="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><c:BkToCstmrStmt><c:Stmt>
<c:Acct><c:Id><c:Othr><c:Id>1305 0000 1111 2222</c:Id></c:Othr></c:Id></c:Acct>
<c:Bal><c:Tp><c:CdOrPrtry><c:Cd>OPBD</c:Cd></c:CdOrPrtry></c:Tp><c:Amt Ccy="CNY">1000.00</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd></c:Bal>
<c:Bal><c:Tp><c:CdOrPrtry><c:Cd>CLBD</c:Cd></c:CdOrPrtry></c:Tp><c:Amt Ccy="CNY">1950.00</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd></c:Bal>
<c:Ntry><c:Amt Ccy="CNY">400.00</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Sts><c:Cd>BOOK</c:Cd></c:Sts><c:BookgDt><c:Dt>2026-11-30</c:Dt></c:BookgDt><c:AcctSvcrRef>BK1</c:AcctSvcrRef>
<c:NtryDtls><c:TxDtls><c:Refs><c:EndToEndId>NOTPROVIDED</c:EndToEndId></c:Refs><c:RltdPties><c:Dbtr><c:Pty><c:Nm>甲 &amp; 乙&#65288;示范&#xFF09;</c:Nm></c:Pty></c:Dbtr><c:DbtrAcct><c:Id><c:Othr><c:Id>130502101234</c:Id></c:Othr></c:Id></c:DbtrAcct></c:RltdPties><c:RmtInf><c:Ustrd><![CDATA[xt 123 456 784]]></c:Ustrd></c:RmtInf></c:TxDtls></c:NtryDtls></c:Ntry>
<c:Ntry><c:Amt Ccy="CNY">600.00</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Sts>BOOK</c:Sts><c:BookgDt><c:DtTm>2026-11-30T08:00:00+08:00</c:DtTm></c:BookgDt><c:AcctSvcrRef>BK2</c:AcctSvcrRef>
<c:NtryDtls><c:TxDtls><c:Amt Ccy="CNY">200.00</c:Amt></c:TxDtls><c:TxDtls><c:Amt Ccy="CNY">400.00</c:Amt></c:TxDtls></c:NtryDtls></c:Ntry>
<c:Ntry><c:Amt Ccy="CNY">50.00</c:Amt><c:CdtDbtInd>DBIT</c:CdtDbtInd><c:Sts>BOOK</c:Sts><c:BookgDt><c:Dt>2026-11-30</c:Dt></c:BookgDt></c:Ntry>
<c:Ntry><c:Amt Ccy="CNY">9.00</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Sts>PDNG</c:Sts></c:Ntry>
</c:Stmt></c:BkToCstmrStmt></c:Document>"#;

#[test]
fn camt_is_read_by_its_elements_and_added_up() {
    let statement = read(CAMT.as_bytes()).expect("a statement");
    assert_eq!(statement.account.as_deref(), Some("1305000011112222"));
    assert_eq!((statement.opening, statement.closing), (Some(Fen::yuan(1_000)), Some(Fen::yuan(1_950))));
    let seen: Vec<(i64, Option<&str>)> =
        statement.lines.iter().map(|line| (line.amount.fen(), line.serial.as_deref())).collect();
    assert_eq!(seen, [(40_000, Some("BK1")), (20_000, Some("BK2-1")), (40_000, Some("BK2-2")), (-5_000, None)]);
    let first = &statement.lines[0];
    assert_eq!((first.payer.as_str(), first.payer_account.as_str()), ("甲 & 乙(示范)", "130502101234"));
    assert_eq!((first.memo.as_str(), first.row), ("xt 123 456 784", 6));
}

#[test]
fn a_camt_with_more_than_a_statement_needs_or_less_is_refused() {
    let changed = |from: &str, to: &str| read(CAMT.replacen(from, to, 1).as_bytes()).expect_err("refused");
    assert_eq!(changed("<c:Document", "<!DOCTYPE x [<!ENTITY a \"b\">]><c:Document").word(), "xml");
    assert_eq!(changed("&amp;", "&a;").word(), "xml");
    let deep = format!("{}{}", "<d>".repeat(40), "</d>".repeat(40));
    assert_eq!(changed("<c:Stmt>", &format!("<c:Stmt>{deep}")).word(), "xml");
    assert_eq!(changed(">1950.00<", ">1950.01<").word(), "balance");
    assert_eq!(changed("CLBD", "ITBD").word(), "no-column");
    assert_eq!(changed("</c:Stmt>", "").word(), "broken");
    assert_eq!(rows_of(changed("Ccy=\"CNY\">400.00<", "Ccy=\"USD\">400.00<")), [(6, RowFault::Currency)]);
    assert_eq!(rows_of(changed(">600.00<", ">601.00<")), [(8, RowFault::Amount)]);
    assert_eq!(rows_of(changed(">400.00<", ">-400.00<")), [(6, RowFault::Amount)]);
}

//! What the bank is told: a customer credit transfer, ISO 20022 pain.001.001.09, one payment a message.
//!
//! The order's serial number is the end-to-end id, by which the bank knows a repetition and names the payment in its answer.

use ca_core::domain::Timestamp;
use quick_xml::escape::escape;

use crate::fund::amounts::Fen;

/// The schema's name space.
const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";
/// Names may be so long.
const MOST_NAME: usize = 140;

/// Somebody's account at a bank.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// Whose.
    pub name: &'a str,
    /// The account.
    pub account: &'a str,
    /// The bank's number in the payment system (CNAPS).
    pub bank_code: &'a str,
}

/// One payment.
#[derive(Clone, Copy, Debug)]
pub struct Payment<'a> {
    /// The order.
    pub serial: &'a str,
    /// Who pays.
    pub payer: Party<'a>,
    /// Who is paid.
    pub payee: Party<'a>,
    /// How much.
    pub amount: Fen,
    /// For what, as the payee's bank shows it.
    pub what: &'a str,
    /// When it was ordered, and is to be carried out.
    pub at: Timestamp,
}

/// The message.
#[must_use]
pub fn message(payment: &Payment<'_>) -> String {
    let (serial, amount) = (escape(payment.serial), payment.amount.plain());
    let name = |party: &Party<'_>| escape(party.name.chars().take(MOST_NAME).collect::<String>()).into_owned();
    let agent = |party: &Party<'_>| {
        format!(
            "<FinInstnId><ClrSysMmbId><ClrSysId><Cd>CNAPS</Cd></ClrSysId><MmbId>{}</MmbId></ClrSysMmbId></FinInstnId>",
            escape(party.bank_code)
        )
    };
    let account = |party: &Party<'_>| format!("<Id><Othr><Id>{}</Id></Othr></Id>", escape(party.account));
    let (payer, payee) = (&payment.payer, &payment.payee);
    let time = payment.at.beijing_text().replace(' ', "T");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"{NAMESPACE}\"><CstmrCdtTrfInitn>\
         <GrpHdr><MsgId>{serial}</MsgId><CreDtTm>{time}+08:00</CreDtTm><NbOfTxs>1</NbOfTxs><CtrlSum>{amount}</CtrlSum>\
         <InitgPty><Nm>{payer_name}</Nm></InitgPty></GrpHdr>\
         <PmtInf><PmtInfId>{serial}</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>1</NbOfTxs><CtrlSum>{amount}</CtrlSum>\
         <ReqdExctnDt><Dt>{day}</Dt></ReqdExctnDt>\
         <Dbtr><Nm>{payer_name}</Nm></Dbtr><DbtrAcct>{payer_account}<Ccy>CNY</Ccy></DbtrAcct>\
         <DbtrAgt>{payer_agent}</DbtrAgt>\
         <CdtTrfTxInf><PmtId><InstrId>{serial}</InstrId><EndToEndId>{serial}</EndToEndId></PmtId>\
         <Amt><InstdAmt Ccy=\"CNY\">{amount}</InstdAmt></Amt>\
         <CdtrAgt>{payee_agent}</CdtrAgt><Cdtr><Nm>{payee_name}</Nm></Cdtr><CdtrAcct>{payee_account}</CdtrAcct>\
         <RmtInf><Ustrd>{what}</Ustrd></RmtInf></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></Document>\n",
        payer_name = name(payer),
        payer_account = account(payer),
        payer_agent = agent(payer),
        payee_name = name(payee),
        payee_account = account(payee),
        payee_agent = agent(payee),
        day = payment.at.beijing_day(),
        what = escape(payment.what.chars().take(MOST_NAME).collect::<String>()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_amount_thrice_and_lets_no_name_be_markup() {
        let payer =
            Party { name: "示范市住房公积金管理中心", account: "13050161", bank_code: "105121000017" };
        let payee = Party { name: "李<强>&\"", account: "6222020000000000012", bank_code: "102121000024" };
        let at = Timestamp::from_unix(1_795_500_000);
        let (serial, amount) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV", Fen::new(1_200_050));
        let xml = message(&Payment { serial, payer, payee, amount, what: "提取住房公积金", at });
        assert_eq!(xml.matches("12000.50").count(), 3);
        assert_eq!(xml.matches(serial).count(), 4);
        assert!(xml.contains("<Nm>李&lt;强&gt;&amp;&quot;</Nm>"), "{xml}");
        assert!(xml.contains("+08:00</CreDtTm>") && xml.contains("<MmbId>102121000024</MmbId>"));
    }
}

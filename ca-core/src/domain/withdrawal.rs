//! What a person's token signs at the fund portal: one withdrawal from their own account, in full.

use serde::{Deserialize, Serialize};

use super::canonical::Statement;
use super::fund::words;
use super::{OrderId, Sha256, Timestamp};

words! {
    /// Why money is withdrawn (A.7 of JGJ/T 320-2014).
    WithdrawalReason {
        /// 01 购买自住住房.
        Purchase => "purchase",
        /// 02 建造、翻建、大修自住住房.
        Build => "build",
        /// 03 离休、退休.
        Retired => "retired",
        /// 04 完全丧失劳动能力并终止劳动关系.
        Disabled => "disabled",
        /// 05 户口迁出或出境定居.
        Abroad => "abroad",
        /// 06 偿还购房贷款本息.
        RepayLoan => "repay_loan",
        /// 07 房租超出家庭工资收入规定比例.
        Rent => "rent",
        /// 08 死亡.
        Died => "died",
        /// 09 大病医疗.
        Illness => "illness",
        /// 99 其他.
        Other => "other",
    }
}

impl WithdrawalReason {
    /// The two digits of the standard.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Purchase => "01",
            Self::Build => "02",
            Self::Retired => "03",
            Self::Disabled => "04",
            Self::Abroad => "05",
            Self::RepayLoan => "06",
            Self::Rent => "07",
            Self::Died => "08",
            Self::Illness => "09",
            Self::Other => "99",
        }
    }

    /// The one with these two digits.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.code() == code)
    }
}

/// The word of whoever compared the person's face, as the fund keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaceWord {
    /// Who compared.
    pub provider: String,
    /// When they did.
    pub at: Timestamp,
    /// SHA-256 of the answer that they signed.
    pub answer_sha256: Sha256,
}

/// A person's word for one withdrawal. Booked once, by its id, for the account and at the site that it names, and not after its
/// time. Amounts in yuan with two decimals, as they are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// The serial number under which it is booked.
    pub id: OrderId,
    /// The origin that asks.
    pub aud: String,
    /// The employee's account.
    pub account: String,
    /// The employee's name.
    pub person: String,
    /// Their number, masked.
    pub id_number: String,
    /// The unit that pays for the account.
    pub unit: String,
    /// When it was put together.
    pub created: Timestamp,
    /// Not booked after.
    pub exp: Timestamp,
    /// Why.
    pub reason: WithdrawalReason,
    /// Whether everything is withdrawn and the account closed.
    pub closes: bool,
    /// What is paid out.
    pub amount: String,
    /// The same in Chinese capitals.
    pub capitals: String,
    /// What of it is interest that is settled with it.
    pub interest: String,
    /// The bank to which it is paid.
    pub bank: String,
    /// The account there, masked.
    pub card: String,
    /// The face check before it.
    pub face: FaceWord,
}

impl Statement for Withdrawal {
    const TAG: &'static str = "yinxin.withdrawal.v1";
}

#[cfg(test)]
mod tests {
    use super::super::canonical::{CanonicalError, decode, encode};
    use super::*;

    #[test]
    fn a_withdrawal_has_one_encoding_and_reasons_read_back() {
        let withdrawal = Withdrawal {
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an id"),
            aud: "http://127.0.0.1:8082".into(),
            account: "030000000001".into(),
            person: "李强".into(),
            id_number: "130599********0145".into(),
            unit: "示范市东湖建筑工程有限公司".into(),
            created: Timestamp::from_unix(1),
            exp: Timestamp::from_unix(901),
            reason: WithdrawalReason::RepayLoan,
            closes: false,
            amount: "12,000.00".into(),
            capitals: "壹万贰仟元整".into(),
            interest: "0.00".into(),
            bank: "示范银行".into(),
            card: "6222 **** 0001".into(),
            face: FaceWord { provider: "sandbox".into(), at: Timestamp::from_unix(2), answer_sha256: Sha256([7; 32]) },
        };
        let bytes = encode(&withdrawal);
        assert_eq!(decode::<Withdrawal>(&bytes), Ok(withdrawal));
        let spelt = String::from_utf8(bytes).expect("JSON").replace("\"closes\":false", "\"closes\":false ");
        assert_eq!(decode::<Withdrawal>(spelt.as_bytes()), Err(CanonicalError::NotCanonical));
        for reason in WithdrawalReason::ALL {
            assert_eq!(WithdrawalReason::from_word(reason.word()), Some(*reason));
            assert_eq!(WithdrawalReason::from_code(reason.code()), Some(*reason));
        }
    }
}

//! What a unit's token signs at the fund portal: one transaction, in full.

use serde::{Deserialize, Serialize};

use super::canonical::Statement;
use super::{OrderId, Sha256, Timestamp};

macro_rules! words {
    ($(#[$head:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $word:literal,)* }) => {
        $(#[$head])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in statements, stores and message keys.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one of this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

pub(super) use words;

words! {
    /// What is done (`domain.md` §4.4).
    FundAct {
        /// 职工汇缴: the regular remittance of a month.
        Remit => "remit",
        /// 个人开户.
        Open => "open",
        /// 封存.
        Seal => "seal",
        /// 启封.
        Unseal => "unseal",
        /// 基数变更.
        Rebase => "rebase",
        /// 补缴.
        MakeUp => "make_up",
        /// 单位基本资料变更.
        ChangeUnit => "change_unit",
        /// 个人基本资料变更.
        ChangePerson => "change_person",
        /// 冲账: a transaction is undone by one of its own.
        Reverse => "reverse",
    }
}

words! {
    /// What a particular is about.
    FundField {
        /// The month that it concerns, or from which it holds.
        Month => "month",
        /// How many employees.
        Heads => "heads",
        /// What the unit pays, in yuan.
        UnitShare => "unit_share",
        /// What the employees pay, in yuan.
        PersonalShare => "personal_share",
        /// Both together, in yuan.
        Total => "total",
        /// Both together in Chinese capitals.
        Capitals => "capitals",
        /// How it is paid: the word of a [`FundPay`].
        Pay => "pay",
        /// Whom: name and account.
        Person => "person",
        /// Their number, masked.
        IdNumber => "id_number",
        /// Contribution base, in yuan.
        Base => "base",
        /// Why: the word of a [`FundReason`].
        Reason => "reason",
        /// Why, in the unit's own words.
        Words => "words",
        /// Address.
        Address => "address",
        /// Who handles the unit's business.
        Handler => "handler",
        /// A mobile number.
        Mobile => "mobile",
        /// The day of the month on which wages are paid.
        Payday => "payday",
        /// The entrusted bank.
        Bank => "bank",
        /// Serial number of another transaction.
        Serial => "serial",
    }
}

words! {
    /// How money comes.
    FundPay {
        /// Out of what was received and not yet allocated.
        Suspense => "suspense",
        /// By a transfer to the fund's account, which is still to arrive.
        Transfer => "transfer",
    }
}

words! {
    /// Why an account is sealed.
    FundReason {
        /// 离职.
        Left => "left",
        /// 停薪留职.
        Leave => "leave",
        /// 停发工资.
        Unpaid => "unpaid",
        /// 退休.
        Retired => "retired",
        /// 死亡.
        Died => "died",
        /// Another.
        Other => "other",
    }
}

/// One particular, in the words that the person reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundFact {
    /// What it is about.
    pub field: FundField,
    /// What it is, or will be.
    pub value: String,
    /// What it was, where it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// A list that is signed by its hash: so many lines, exactly these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundList {
    /// How many lines.
    pub lines: u32,
    /// SHA-256 of the list as the fund keeps it.
    pub sha256: Sha256,
}

/// The unit's word for one transaction. Booked once, by its id, for the account and at the site that it names, and not after
/// its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundTransaction {
    /// The serial number under which it is booked.
    pub id: OrderId,
    /// The origin that asks.
    pub aud: String,
    /// The unit's account.
    pub account: String,
    /// The unit's name.
    pub unit: String,
    /// When it was put together.
    pub created: Timestamp,
    /// Not booked after.
    pub exp: Timestamp,
    /// What is done.
    pub act: FundAct,
    /// Particulars, in the order in which they are read.
    pub facts: Vec<FundFact>,
    /// The employees whom it concerns, and what of each.
    pub list: FundList,
}

impl Statement for FundTransaction {
    const TAG: &'static str = "yinxin.fund-transaction.v1";
}

#[cfg(test)]
mod tests {
    use super::super::canonical::{CanonicalError, decode, encode};
    use super::*;

    #[test]
    fn a_transaction_has_one_encoding_and_words_read_back() {
        let transaction = FundTransaction {
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an id"),
            aud: "http://127.0.0.1:8082".into(),
            account: "0210000001".into(),
            unit: "示范市东湖建筑工程有限公司".into(),
            created: Timestamp::from_unix(1),
            exp: Timestamp::from_unix(901),
            act: FundAct::ChangePerson,
            facts: vec![
                FundFact { field: FundField::Mobile, value: "13900000001".into(), was: Some("13800000001".into()) },
                FundFact { field: FundField::Total, value: "1,781.56".into(), was: None },
            ],
            list: FundList { lines: 1, sha256: Sha256([7; 32]) },
        };
        let bytes = encode(&transaction);
        assert_eq!(decode::<FundTransaction>(&bytes), Ok(transaction));
        let spelt = String::from_utf8(bytes)
            .expect("JSON")
            .replace("\"value\":\"1,781.56\"", "\"value\":\"1,781.56\",\"was\":null");
        assert_eq!(decode::<FundTransaction>(spelt.as_bytes()), Err(CanonicalError::NotCanonical));
        for act in FundAct::ALL {
            assert_eq!(FundAct::from_word(act.word()), Some(*act));
            assert_eq!(serde_json::to_string(act).expect("a word"), format!("\"{}\"", act.word()));
        }
        for field in FundField::ALL {
            assert_eq!(serde_json::to_string(field).expect("a word"), format!("\"{}\"", field.word()));
        }
    }
}

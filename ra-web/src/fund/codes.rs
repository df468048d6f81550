//! The code sets of JGJ/T 320-2014 that the books use (`domain.md` §4.1).

macro_rules! codes {
    ($(#[$head:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal $word:literal,)* }) => {
        $(#[$head])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them, in the order of the standard.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The two digits of the standard.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The one with these two digits.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.code() == code)
            }

            /// The word in message keys.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

codes! {
    /// What an employee's account may do (GRZHZT).
    PersonStatus {
        /// 正常.
        Normal = "01" "normal",
        /// 封存.
        Sealed = "02" "sealed",
        /// 合并销户.
        ClosedMerged = "03" "closed-merged",
        /// 外部转出销户.
        ClosedMoved = "04" "closed-moved",
        /// 提取销户.
        ClosedWithdrawn = "05" "closed-withdrawn",
        /// 冻结.
        Frozen = "06" "frozen",
        /// 其他.
        Other = "99" "other",
    }
}

impl PersonStatus {
    /// Whether the account is there still: its holder can have no other.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Normal | Self::Sealed | Self::Frozen)
    }
}

codes! {
    /// What an entry of a ledger or a change of the books is for (table A.5, and what is usual beside it).
    BusinessType {
        /// 汇缴.
        Remittance = "01" "remittance",
        /// 补缴.
        MakeUp = "02" "make-up",
        /// 开户.
        Opening = "03" "opening",
        /// 启封.
        Unsealing = "04" "unsealing",
        /// 封存.
        Sealing = "05" "sealing",
        /// 内部转移.
        MovedInside = "06" "moved-inside",
        /// 外部转出.
        MovedOut = "07" "moved-out",
        /// 外部转入.
        MovedIn = "08" "moved-in",
        /// 年终结息.
        Interest = "09" "interest",
        /// 基数调整.
        BaseChange = "10" "base-change",
        /// 部分提取.
        PartWithdrawal = "11" "part-withdrawal",
        /// 销户提取.
        ClosingWithdrawal = "12" "closing-withdrawal",
        /// 缓缴处理.
        Deferral = "13" "deferral",
        /// 冻结.
        Freezing = "14" "freezing",
        /// 解冻.
        Unfreezing = "15" "unfreezing",
        /// 变更.
        DataChange = "70" "data-change",
        /// 销户.
        Closing = "72" "closing",
        /// 错缴更正.
        Correction = "73" "correction",
        /// 催缴.
        Reminder = "74" "reminder",
        /// 比例调整.
        RateChange = "75" "rate-change",
        /// 其他: money received and not yet allocated, balances brought in.
        Other = "99" "other",
    }
}

codes! {
    /// What kind of number identifies a person (table A.1).
    IdKind {
        /// 身份证.
        Resident = "01" "resident",
        /// 军官证.
        Officer = "02" "officer",
        /// 护照.
        Passport = "03" "passport",
        /// 外国人永久居留证.
        Permanent = "04" "permanent",
        /// 其他.
        Other = "99" "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard_and_read_back() {
        for one in PersonStatus::ALL {
            assert_eq!(PersonStatus::from_code(one.code()), Some(*one));
        }
        for one in BusinessType::ALL {
            assert_eq!(BusinessType::from_code(one.code()), Some(*one));
        }
        let codes: Vec<&str> = BusinessType::ALL.iter().map(|one| one.code()).collect();
        assert_eq!(codes.len(), 21);
        assert!(codes.is_sorted(), "{codes:?}");
        assert_eq!((IdKind::Passport.code(), PersonStatus::from_code("07")), ("03", None));
    }
}

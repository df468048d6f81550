//! A clerk's drawer on one of its days, and its count at the end (日结).
//!
//! `OPEN → FILED → CONFIRMED`, and from a count that is not right back to `OPEN`: it opens with the first money of the day, the clerk counts it, finance looks and takes the
//! cash. What comes after the count belongs to the next day.

use ca_core::domain::{BeijingDay, OfficeId, Officer, Timestamp};

use super::bill::MoneyFault;
use super::fen::Fen;
use crate::enrolment::case::{Forbidden, Who};

/// Where a drawer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrawerState {
    /// Money comes and goes.
    Open,
    /// Counted by its clerk.
    Filed(Count),
    /// Finance has looked and has the cash.
    Confirmed {
        /// What was counted.
        count: Count,
        /// Who.
        by: Who,
        /// When.
        at: Timestamp,
    },
}

/// A count of the cash in a drawer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What should be there.
    pub book: Fen,
    /// What is there.
    pub counted: Fen,
    /// Why they differ.
    pub note: String,
    /// When it was counted.
    pub at: Timestamp,
}

impl Count {
    /// Over, or below zero what is missing.
    #[must_use]
    pub fn difference(&self) -> Fen {
        self.counted - self.book
    }
}

/// A drawer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawer {
    /// At which office.
    pub office: OfficeId,
    /// Whose.
    pub clerk: Who,
    /// Of which day.
    pub day: BeijingDay,
    /// Where it stands.
    pub state: DrawerState,
    /// Why its last count was sent back, by whom and when.
    pub returned: Option<(String, Who, Timestamp)>,
}

impl Drawer {
    /// The word of its state in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.state {
            DrawerState::Open => "open",
            DrawerState::Filed(_) => "filed",
            DrawerState::Confirmed { .. } => "confirmed",
        }
    }

    /// What was counted.
    #[must_use]
    pub const fn count(&self) -> Option<&Count> {
        match &self.state {
            DrawerState::Open => None,
            DrawerState::Filed(count) | DrawerState::Confirmed { count, .. } => Some(count),
        }
    }

    /// Its clerk counted the cash. A difference must be explained.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn file(
        mut self,
        by: &Officer,
        book: Fen,
        counted: Fen,
        note: &str,
        now: Timestamp,
    ) -> Result<Self, MoneyFault> {
        if by.office != self.office {
            return Err(Forbidden::OtherOffice.into());
        }
        if by.id != self.clerk.id {
            return Err(Forbidden::Claimed.into());
        }
        if self.state != DrawerState::Open || self.day > now.beijing_day() {
            return Err(self.forbidden("counted"));
        }
        let note = note.trim().to_owned();
        if counted != book && note.is_empty() {
            return Err(MoneyFault::Unexplained);
        }
        self.state = DrawerState::Filed(Count { book, counted, note, at: now });
        Ok(self)
    }

    /// Finance has looked and has the cash: never who counted it.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn confirm(mut self, by: &Officer, now: Timestamp) -> Result<Self, MoneyFault> {
        if by.office != self.office {
            return Err(Forbidden::OtherOffice.into());
        }
        if by.id == self.clerk.id {
            return Err(Forbidden::SameOfficer.into());
        }
        let DrawerState::Filed(count) = self.state else { return Err(self.forbidden("confirmed")) };
        self.state = DrawerState::Confirmed { count, by: Who::from(by), at: now };
        Ok(self)
    }

    /// Finance sends the count back to its clerk, who counts anew: never who counted it.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn send_back(mut self, by: &Officer, reason: &str, now: Timestamp) -> Result<Self, MoneyFault> {
        if by.office != self.office {
            return Err(Forbidden::OtherOffice.into());
        }
        if by.id == self.clerk.id {
            return Err(Forbidden::SameOfficer.into());
        }
        let DrawerState::Filed(_) = self.state else { return Err(self.forbidden("sent back")) };
        self.state = DrawerState::Open;
        self.returned = Some((reason.to_owned(), Who::from(by), now));
        Ok(self)
    }

    fn forbidden(&self, act: &'static str) -> MoneyFault {
        MoneyFault::State { what: "drawer", state: self.word(), act }
    }
}

#[cfg(test)]
mod tests {
    use ca_core::domain::OfficerId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

    fn officer(id: &str, office: &str) -> Officer {
        Officer {
            id: OfficerId::new(id).expect("an id"),
            name: id.into(),
            office: OfficeId::new(office).expect("an office"),
            roles: Vec::new(),
        }
    }

    fn drawer() -> Drawer {
        let clerk = officer("limin", "demo-office");
        let state = DrawerState::Open;
        Drawer { office: clerk.office.clone(), clerk: Who::from(&clerk), day: NOW.beijing_day(), state, returned: None }
    }

    fn filed(by: &Officer) -> Result<Drawer, MoneyFault> {
        drawer().file(by, Fen::yuan(460), Fen::yuan(460), "", NOW)
    }

    #[test]
    fn its_clerk_counts_it_and_nobody_else() {
        assert!(filed(&officer("limin", "demo-office")).is_ok());
        assert_eq!(filed(&officer("wangqiang", "demo-office")), Err(Forbidden::Claimed.into()));
        assert_eq!(filed(&officer("limin", "other-office")), Err(Forbidden::OtherOffice.into()));
    }

    #[test]
    fn another_one_of_the_same_office_confirms_it() {
        let confirmed = |by| filed(&officer("limin", "demo-office")).expect("counted").confirm(&by, NOW);
        assert!(confirmed(officer("liufang", "demo-office")).is_ok());
        assert_eq!(confirmed(officer("limin", "demo-office")), Err(Forbidden::SameOfficer.into()));
        assert_eq!(confirmed(officer("liufang", "other-office")), Err(Forbidden::OtherOffice.into()));
    }
}

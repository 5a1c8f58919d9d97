//! RFC 3339 texts of the present, made anew only when they changed.

use std::time::{SystemTime, UNIX_EPOCH};

/// The last text that was made: `2026-03-01T12:34:56.789Z`.
#[derive(Debug)]
pub(super) struct Timestamp {
    /// Milliseconds since the epoch that `text` stands for.
    millis: u64,
    text: [u8; 24],
}

impl Timestamp {
    pub(super) fn new() -> Self {
        let mut timestamp = Self { millis: 0, text: *b"1970-01-01T00:00:00.000Z" };
        timestamp.at(UNIX_EPOCH);
        timestamp
    }

    /// The text of a time, to the millisecond; ASCII. Years after 9999 stay at its end.
    pub(super) fn at(&mut self, time: SystemTime) -> &str {
        const END_OF_9999: u64 = 253_402_300_799_999;
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX).min(END_OF_9999);
        if millis != self.millis {
            if millis / 1000 != self.millis / 1000 {
                self.write_second(millis / 1000);
            }
            self.write(20, 3, millis % 1000);
            self.millis = millis;
        }
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    fn write_second(&mut self, seconds: u64) {
        let (year, month, day) = civil_from_days(seconds / 86_400);
        let second_of_day = seconds % 86_400;
        let parts = [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, second_of_day / 3600),
            (14, 2, second_of_day / 60 % 60),
            (17, 2, second_of_day % 60),
        ];
        for (start, digits, value) in parts {
            self.write(start, digits, value);
        }
    }

    fn write(&mut self, start: usize, digits: usize, mut value: u64) {
        for place in (start..start + digits).rev() {
            self.text[place] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01.
///
/// Counts in years that begin in March, so that a leap day is the last day of its year, and in
/// eras of 400 years, which all have the same number of days.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    // From 0000-03-01 to 1970-01-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March have 31, 30, 31, 30, 31 days, over and over: 153 in five of them.
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests;

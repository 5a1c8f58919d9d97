//! Which requests get a line.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

/// Which requests get a line: `off`, `full`, or a share such as `0.01`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// None.
    Off,
    /// This share of each worker's requests, between 0 and 1, evenly spread.
    Share(f64),
    /// Every one.
    Full,
}

/// A text that is no [`Mode`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no access log mode: use \"off\", \"full\" or a share between 0 and 1 such as \"0.01\"")]
pub struct InvalidMode(String);

impl Mode {
    /// What a [`Sampler`] adds for each request: 2³² stands for the whole.
    fn step(self) -> u64 {
        const WHOLE: f64 = (1_u64 << 32) as f64;
        match self {
            Self::Off => 0,
            // A float that is not a number or out of range is cut to the range by `as`.
            Self::Share(share) => ((share * WHOLE) as u64).min(1 << 32),
            Self::Full => 1 << 32,
        }
    }
}

impl FromStr for Mode {
    type Err = InvalidMode;

    fn from_str(text: &str) -> Result<Self, InvalidMode> {
        match text {
            "off" => Ok(Self::Off),
            "full" => Ok(Self::Full),
            share => match share.parse() {
                Ok(0.0) => Ok(Self::Off),
                Ok(1.0) => Ok(Self::Full),
                Ok(share) if share > 0.0 && share < 1.0 => Ok(Self::Share(share)),
                _ => Err(InvalidMode(text.to_owned())),
            },
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Share(share) => write!(f, "{share}"),
            Self::Full => f.write_str("full"),
        }
    }
}

/// Takes a share of what it is asked for, without chance: after n calls it has said yes for the
/// whole part of n × share.
#[derive(Debug)]
pub struct Sampler {
    step: Cell<u64>,
    owed: Cell<u64>,
}

impl Sampler {
    /// Nothing was asked for yet.
    pub fn new(mode: Mode) -> Self {
        Self { step: Cell::new(mode.step()), owed: Cell::new(0) }
    }

    /// Takes another share from now on.
    pub fn set(&self, mode: Mode) {
        self.step.set(mode.step());
    }

    /// Whether the next request gets a line; to be asked once a request. Nothing of a
    /// [`super::Record`] needs to be put together when it is false.
    pub fn take(&self) -> bool {
        let owed = self.owed.get() + self.step.get();
        let taken = owed >= 1 << 32;
        self.owed.set(if taken { owed - (1 << 32) } else { owed });
        taken
    }
}

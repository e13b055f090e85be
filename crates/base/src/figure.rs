//! A value together with where it comes from. Promise 1: no number without a source.

use serde::{Deserialize, Serialize};

/// How a figure came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Observed: a price page, a benchmark system description, a measured latency.
    Measured,
    /// The vendor's own page or repository.
    Vendor,
    /// A vendor figure read in somebody else's table or report.
    VendorViaThirdParty,
    /// An analyst's, reporter's or data set's estimate.
    ThirdParty,
    /// Arithmetic on other figures, named in the note.
    Derived,
    /// A stated default for what nobody publishes, with its range in the note: replace it by your own.
    Assumed,
    /// Given by the user in an overlay.
    User,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Measured => "measured",
            Kind::Vendor => "vendor",
            Kind::VendorViaThirdParty => "vendor-via-third-party",
            Kind::ThirdParty => "third-party",
            Kind::Derived => "derived",
            Kind::Assumed => "assumed",
            Kind::User => "user",
        }
    }
}

/// A number with unit, kind, date and source ids (`sources.toml` of the catalog says what each id is).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// In the unit that the source prints.
    pub value: f64,
    pub unit: String,
    pub kind: Kind,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`: when the source said so, or when it was read.
    pub as_of: String,
    pub sources: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub qualifier: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

//! What a hub that misses something asks for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the hub sends on `cmd/recycle/<district>/<bin>/again`: plain JSON, not retained. Ranges have both their ends
/// in them, and may name what the bin does not have: voided numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Again {
    /// The ledger; a bin that has another one does nothing.
    pub epoch: String,
    /// Numbers of drops that the hub does not hold.
    #[serde(default)]
    pub drops: Vec<(u64, u64)>,
    /// Numbers of corrections that it does not hold.
    #[serde(default)]
    pub corrections: Vec<(u64, u64)>,
}

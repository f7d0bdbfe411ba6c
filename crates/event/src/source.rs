/// What kind of record an event is: the key by which rules are chosen.
///
/// For Windows the three names are those of the record's `System` section; other products use them in
/// the same spirit (channel: which log; provider: which program wrote it; event id: 0 where there is none).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogSource<'a> {
    /// Sigma's product, in lower case: `windows`, `linux`, …
    pub product: &'a str,
    /// The log: for Windows the channel, e.g. `Microsoft-Windows-Sysmon/Operational`.
    pub channel: &'a str,
    /// Who wrote the record: for Windows the provider's name, e.g. `Microsoft-Windows-Sysmon`.
    pub provider: &'a str,
    /// The event's number within its provider; 0 where the product knows none.
    pub event_id: u32,
}

use crate::{Finding, Position, Time};

/// What a detector saw in some records, in the order of the evidence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// For the report.
    pub findings: Vec<Finding>,
    /// For those who watch over time.
    pub observations: Observations,
    /// How many findings were left out, as nobody wants to be told of them.
    pub left_out: u64,
}

impl Seen {
    /// How much was seen, told or not; to be compared with how much was seen later.
    pub fn count(&self) -> (usize, usize, u64) {
        let Observations { untimed, beyond, .. } = self.observations;
        (self.findings.len(), self.observations.len(), self.left_out + untimed + beyond)
    }
}

/// A small fact of one event, told to those who watch over time (correlations, say).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation<'a> {
    /// When it happened; who watches over time can do nothing with an event that does not say.
    pub time: Time,
    /// The detector's number for what it saw: the rule that was satisfied.
    pub rule: u32,
    /// Where the event stands within its piece of evidence.
    pub position: Position,
    /// The machine first, then what the followers of this rule asked for, in their order.
    pub values: Values<'a>,
}

/// Some observations, packed: a log of a gigabyte may give ten million.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observations {
    list: Vec<Packed>,
    values: Vec<u8>,
    /// Events that would have been observed, had they a time.
    pub untimed: u64,
    /// Events beyond [`MAX_TIMES`] for which single records stand, as they say.
    pub beyond: u64,
}

/// For so many events one record may stand; a record costs an attacker a line, whatever number it names.
pub const MAX_TIMES: u32 = 1000;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Packed {
    time: Time,
    rule: u32,
    /// How many such events it stands for.
    times: u32,
    position: Position,
    /// Where its values end; they begin where those of the observation before it end.
    end: usize,
}

impl Observations {
    /// Adds an observation of `rule` with its values, the machine first; `None` for a field that the event does not have.
    pub fn push<V: AsRef<str>>(
        &mut self,
        time: Option<Time>,
        rule: u32,
        position: Position,
        values: impl IntoIterator<Item = Option<V>>,
    ) {
        if time.is_some() {
            values.into_iter().for_each(|value| Values::pack(value.as_ref().map(V::as_ref), &mut self.values));
        }
        self.end(time, rule, position);
    }

    /// The same with values that are packed already.
    pub fn push_packed(&mut self, time: Option<Time>, rule: u32, position: Position, values: Values<'_>) {
        if time.is_some() {
            self.values.extend(values.bytes());
        }
        self.end(time, rule, position);
    }

    /// Ends an observation whose values were added, if it has a time.
    fn end(&mut self, time: Option<Time>, rule: u32, position: Position) {
        match time {
            Some(time) => self.list.push(Packed { time, rule, times: 1, position, end: self.values.len() }),
            None => self.untimed += 1,
        }
    }

    /// Has the observation that was added last stand for so many events alike.
    pub fn repeat_last(&mut self, times: u64) {
        if let Some(last) = self.list.last_mut() {
            last.times = times.clamp(1, MAX_TIMES.into()) as u32;
            self.beyond = self.beyond.saturating_add(times.saturating_sub(MAX_TIMES.into()));
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Observation<'_>> {
        self.iter_with_times().map(|(observation, _)| observation)
    }

    /// All of them, each with the number of events that it stands for.
    pub fn iter_with_times(&self) -> impl Iterator<Item = (Observation<'_>, u32)> {
        let mut start = 0;
        self.list.iter().map(move |packed| {
            let values = Values(self.values.get(start..packed.end).unwrap_or_default());
            start = packed.end;
            (Observation { time: packed.time, rule: packed.rule, position: packed.position, values }, packed.times)
        })
    }
}

/// Says that a length stands in the four bytes behind it.
const LONG: u8 = u8::MAX;

/// The values of an observation, packed one behind another: the length plus one, then the text; a length of zero for a value that is not there.
/// A length stands in one byte, or where that is not enough in four (little endian) behind [`LONG`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    /// Appends one value.
    pub fn pack(value: Option<&str>, out: &mut Vec<u8>) {
        // A value of 4 GiB is longer than any record may be.
        let length = value.map_or(0, |text| u32::try_from(text.len() + 1).unwrap_or(0));
        match u8::try_from(length) {
            Ok(short) if short < LONG => out.push(short),
            _ => {
                out.push(LONG);
                out.extend(length.to_le_bytes());
            }
        }
        out.extend(value.filter(|_| length > 0).unwrap_or_default().as_bytes());
    }

    /// Values that were packed.
    pub const fn packed(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The packed bytes.
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a str>;

    fn next(&mut self) -> Option<Self::Item> {
        let (short, rest) = self.0.split_first()?;
        let (length, rest) = match *short {
            LONG => rest.split_first_chunk::<4>().map(|(length, rest)| (u32::from_le_bytes(*length), rest))?,
            short => (short.into(), rest),
        };
        let Some(length) = length.checked_sub(1) else {
            self.0 = rest;
            return Some(None);
        };
        let (text, rest) = rest.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(Some(std::str::from_utf8(text).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_come_out_as_they_went_in() {
        let mut observations = Observations::default();
        let time = |nanos| Some(Time::from_nanos(nanos));
        observations.push(time(5), 1, Position::Line(3), [Some("web01"), None, Some("")]);
        observations.push(None, 1, Position::Line(4), [Some("lost")]);
        let mut packed = Vec::new();
        Values::pack(Some("ä"), &mut packed);
        observations.push_packed(time(4), 2, Position::Line(5), Values::packed(&packed));
        let all: Vec<_> = observations.iter().map(|seen| (seen.time.as_nanos(), seen.rule, seen.position)).collect();
        assert_eq!(all, [(5, 1, Position::Line(3)), (4, 2, Position::Line(5))]);
        let values: Vec<Vec<_>> = observations.iter().map(|seen| seen.values.collect()).collect();
        assert_eq!(values, [vec![Some("web01"), None, Some("")], vec![Some("ä")]]);
        assert_eq!(observations.untimed, 1);
    }

    #[test]
    fn values_of_every_length_come_out_as_they_went_in() {
        let texts: Vec<String> = [0, 1, 252, 253, 254, 255, 256, 70_000].map(|length| "x".repeat(length)).into();
        let mut packed = Vec::new();
        texts.iter().for_each(|text| Values::pack(Some(text), &mut packed));
        assert!(Values::packed(&packed).map(Option::unwrap).eq(texts.iter()));
        for end in 0..300 {
            assert!(Values::packed(packed.get(..end).unwrap()).count() <= 4, "what is cut off has an end");
        }
    }

    #[test]
    fn one_may_stand_for_a_bounded_number() {
        let mut observations = Observations::default();
        for times in [3, 0, u64::MAX, 1001] {
            observations.push(Some(Time::from_nanos(1)), 1, Position::Line(1), [Some("web01")]);
            observations.repeat_last(times);
        }
        let times: Vec<u32> = observations.iter_with_times().map(|(_, times)| times).collect();
        assert_eq!((times, observations.beyond), (vec![3, 1, 1000, 1000], u64::MAX - 999));
    }
}

use event::{Damage, Time};
use serde::Serialize;

use super::finding::PositionView;
use crate::{Evidence, Failure, Indicators, NumberGap, Rules, Summary, Suppressed, TimeGap, Unknown, Zone};

/// The summary, in the order of keys that `docs/report.md` gives.
#[derive(Serialize)]
pub(super) struct SummaryView<'a> {
    program: ProgramView<'a>,
    timezone: &'a str,
    tally: TallyView,
    rules: &'a Rules,
    #[serde(skip_serializing_if = "Option::is_none")]
    indicators: &'a Option<Indicators>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    accounting: &'a [String],
    evidence: Vec<EvidenceView<'a>>,
    unknown: &'a [Unknown],
    skipped: &'a [Failure],
    failures: &'a [Failure],
    suppressed: &'a [Suppressed],
}

impl<'a> SummaryView<'a> {
    pub(super) fn of(summary: &'a Summary, zone: &'a Zone) -> Self {
        Self {
            program: ProgramView { name: "dreamcatcher", version: &summary.program },
            timezone: zone.name(),
            tally: TallyView::of(summary),
            rules: &summary.rules,
            indicators: &summary.indicators,
            accounting: &summary.accounting,
            evidence: summary.evidence.iter().map(|piece| EvidenceView::of(piece, zone)).collect(),
            unknown: &summary.unknown,
            skipped: &summary.skipped,
            failures: &summary.failures,
            suppressed: &summary.suppressed,
        }
    }
}

#[derive(Serialize)]
struct ProgramView<'a> {
    name: &'static str,
    version: &'a str,
}

#[derive(Serialize)]
struct TallyView {
    findings: u64,
    suppressed: u64,
    known: u64,
    outside_time: u64,
    pieces: usize,
    bytes: u64,
    read: u64,
    damaged: u64,
    unknown: usize,
    skipped: usize,
    failed: usize,
    refused: usize,
}

impl TallyView {
    fn of(summary: &Summary) -> Self {
        let totals = summary.totals();
        Self {
            findings: summary.findings,
            suppressed: totals.suppressed,
            known: summary.known,
            outside_time: summary.outside_time,
            pieces: summary.evidence.len(),
            bytes: totals.bytes,
            read: totals.records,
            damaged: totals.damaged,
            unknown: summary.unknown.len(),
            skipped: summary.skipped.len(),
            failed: summary.failures.len(),
            refused: summary.rules.refused.len(),
        }
    }
}

#[derive(Serialize)]
struct EvidenceView<'a> {
    path: &'a str,
    format: &'a str,
    bytes: u64,
    sha256: &'a str,
    read: u64,
    damaged: u64,
    damages: Vec<DamageView<'a>>,
    more_damages: u64,
    gaps: Vec<GapView>,
    more_gaps: u64,
    silences: Vec<SilenceView>,
    notes: &'a [String],
}

impl<'a> EvidenceView<'a> {
    fn of(piece: &'a Evidence, zone: &Zone) -> Self {
        Self {
            path: &piece.path,
            format: &piece.format,
            bytes: piece.bytes,
            sha256: &piece.sha256,
            read: piece.records,
            damaged: piece.damaged,
            damages: piece.damages.iter().map(DamageView::of).collect(),
            more_damages: piece.more_damages,
            gaps: piece.gaps.iter().map(|gap| GapView::of(*gap, zone)).collect(),
            more_gaps: piece.more_gaps,
            silences: piece.silences.iter().map(|gap| SilenceView::of(*gap, zone)).collect(),
            notes: &piece.notes,
        }
    }
}

#[derive(Serialize)]
struct DamageView<'a> {
    #[serde(flatten)]
    position: PositionView,
    records: u64,
    reason: &'a str,
}

impl<'a> DamageView<'a> {
    fn of(damage: &'a Damage) -> Self {
        Self { position: PositionView::of(damage.position), records: damage.records, reason: &damage.reason }
    }
}

#[derive(Serialize)]
struct GapView {
    after: u64,
    before: u64,
    missing: u64,
    from: Option<String>,
    until: Option<String>,
}

impl GapView {
    fn of(gap: NumberGap, zone: &Zone) -> Self {
        let show = |time: Option<Time>| time.map(|time| zone.rfc3339(time));
        Self {
            after: gap.after,
            before: gap.before,
            missing: gap.missing(),
            from: show(gap.from),
            until: show(gap.until),
        }
    }
}

#[derive(Serialize)]
struct SilenceView {
    from: String,
    until: String,
}

impl SilenceView {
    fn of(gap: TimeGap, zone: &Zone) -> Self {
        Self { from: zone.rfc3339(gap.from), until: zone.rfc3339(gap.until) }
    }
}

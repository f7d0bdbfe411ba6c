//! Saved at any point, restored, gone on: the same findings.

use std::{sync::Arc, time::Duration};

use event::{Finding, Follower, Observation, Piece};
use proptest::prelude::*;
use sigma::{Correlator, Rules, correlate::Limits};

use crate::{
    case::{Correlation, correlation, documents, lines},
    equals_reference::runner,
    log::{in_order, look, piece, rules},
};

fn correlator(rules: &Rules, skew: u64) -> Correlator {
    rules.correlator(Duration::from_secs(skew), Limits::default())
}

fn observe(correlator: &mut Correlator, piece: &Arc<Piece>, all: &[Observation<'_>], findings: &mut Vec<Finding>) {
    all.iter().for_each(|observation| correlator.observe(piece, observation, findings));
}

fn chains() -> impl Strategy<Value = Vec<Correlation>> {
    (correlation(false), correlation(true)).prop_map(|(a, b)| vec![a, b])
}

#[test]
fn going_on_from_a_saved_state_finds_the_same() {
    let cases = (chains(), lines(), any::<prop::sample::Index>(), 0..2_u64);
    let outcome = runner().run(&cases, |(chain, lines, cut, skew)| {
        let rules = rules(&documents(&chain));
        let (seen, piece) = (look(&rules, &lines), piece());
        let all = in_order(&seen.observations);
        let (before, after) = all.split_at(cut.index(all.len() + 1));
        let (mut whole, mut expected) = (correlator(&rules, skew), Vec::new());
        observe(&mut whole, &piece, &all, &mut expected);
        whole.end(&mut expected);

        let (mut first, mut second, mut found) = (correlator(&rules, skew), correlator(&rules, skew), Vec::new());
        observe(&mut first, &piece, before, &mut found);
        // That the time has come so far changes nothing.
        if let Some(last) = before.last() {
            first.advance(last.time, &mut found);
        }
        second.restore(&first.save()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(second.save(), first.save());
        observe(&mut second, &piece, after, &mut found);
        second.end(&mut found);
        let sorted = |mut findings: Vec<Finding>| {
            findings.sort_by_key(|finding| (finding.id, finding.host.clone()));
            findings
        };
        prop_assert_eq!(sorted(found), sorted(expected));
        Ok(())
    });
    if let Err(difference) = outcome {
        panic!("{difference}");
    }
}

#[test]
fn what_was_not_saved_by_its_like_changes_nothing() {
    let cases = (chains(), lines(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    let outcome = runner().run(&cases, |(chain, lines, at, byte, is_cut)| {
        let rules = rules(&documents(&chain));
        let (seen, piece) = (look(&rules, &lines), piece());
        let mut correlator = correlator(&rules, 0);
        observe(&mut correlator, &piece, &in_order(&seen.observations), &mut Vec::new());
        let saved = correlator.save();
        let mut garbled = saved.clone();
        let at = at.index(saved.len());
        if is_cut {
            garbled.truncate(at);
        } else {
            garbled[at] = byte;
        }
        prop_assert_eq!(correlator.restore(&garbled).is_ok(), garbled == saved);
        prop_assert_eq!(correlator.save(), saved);
        Ok(())
    });
    if let Err(difference) = outcome {
        panic!("{difference}");
    }
}

#[test]
fn states_of_other_rules_or_another_skew_are_refused() {
    let text = |seconds: u32| {
        format!(
            "title: a\nname: a\nlogsource: {{product: windows}}\ndetection: {{sel: {{a: y}}, condition: sel}}\n---\n\
             title: c\ncorrelation: {{type: event_count, rules: a, timespan: {seconds}s, condition: {{gte: 2}}}}\n"
        )
    };
    let saved = correlator(&rules(&text(5)), 0).save();
    assert_eq!(correlator(&rules(&text(5)), 0).restore(&saved), Ok(()));
    for (seconds, skew) in [(6, 0), (5, 1)] {
        let refused = correlator(&rules(&text(seconds)), skew).restore(&saved).unwrap_err();
        assert!(refused.contains("saved with other rules"), "{refused}");
    }
    assert!(correlator(&rules(&text(5)), 0).restore(b"").is_err());
}

//! Why an incident stands where it stands.

use event::Level;

use crate::{Incident, Part};

/// The reasons, each with its points; those of no points are left out. `rare` tells of a rule whether it found nothing outside this incident.
pub fn rank(incident: &Incident, rare: &dyn Fn(&str) -> bool) -> Vec<Part> {
    let rules = |level: Level| {
        let findings = incident.steps.iter().flat_map(|step| &step.findings);
        let of_level = findings.filter(|finding| finding.rule.level == level).map(|finding| finding.rule.id.as_str());
        of_level.collect::<std::collections::BTreeSet<_>>().len() as u32
    };
    let (critical, high) = (rules(Level::Critical), rules(Level::High));
    let findings = incident.steps.iter().flat_map(|step| &step.findings);
    let ids = findings.filter(|finding| finding.rule.level >= Level::High).map(|finding| finding.rule.id.as_str());
    let rare = ids.collect::<std::collections::BTreeSet<_>>().into_iter().filter(|id| rare(id)).count() as u32;
    let severity = match incident.level {
        Level::Critical => 50,
        Level::High => 30,
        Level::Medium => 15,
        Level::Low => 5,
        Level::Informational => 0,
    };
    let phases = incident.tactics.len() as u32;
    let others = (incident.hosts.len() as u32).saturating_sub(1);
    let known = incident.resemblance.len() as u32;
    let several = (4 * critical + 2 * high).saturating_sub(2).min(30);
    let part = |points: u32, reason: String| Part { points, reason };
    let parts = [
        part(severity, format!("the most severe of what was seen is {}", incident.level)),
        part(several, format!("{} different rules of level high and above", critical + high)),
        part((2 * rare).min(10), format!("{rare} of these rules found nothing anywhere else")),
        part(6 * phases.saturating_sub(1).min(10), format!("{phases} attack phases")),
        part(if is_in_order(incident) { 10 } else { 0 }, "the phases follow one another as attacks do".to_owned()),
        part(8 * others.min(5), format!("{} machines", others + 1)),
        part(3 * known.min(10), format!("{known} techniques and tools known from Operation DreamJob")),
    ];
    parts.into_iter().filter(|part| part.points > 0).collect()
}

/// Whether three phases or more began one after another in ATT&CK's order.
fn is_in_order(incident: &Incident) -> bool {
    let first = |name: &str| {
        let tag = format!("attack.{name}");
        incident.steps.iter().position(|step| step.findings.iter().any(|finding| finding.rule.tags.contains(&tag)))
    };
    let firsts: Vec<usize> = incident.tactics.iter().filter_map(|tactic| first(tactic.as_str())).collect();
    let (steps, rises) = firsts
        .iter()
        .zip(firsts.iter().skip(1))
        .fold((0, 0), |(steps, rises), (earlier, later)| (steps + 1, rises + usize::from(later > earlier)));
    steps >= 2 && rises >= 2 && 3 * rises >= 2 * steps
}

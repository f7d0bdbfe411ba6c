//! When which step happened on which host: a lane for every host, drawn.

use event::Time;
use incident::{Incident, Step};

use super::markup::Html;
use crate::{Zone, incidents::words::strongest, plain::shorten};

/// The width of the drawing, of the names of hosts on its left, and of the margin on its right, in units of its own.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 24.0;
/// The height of a lane.
const LANE: f64 = 46.0;
/// The height of the times under the lanes.
const AXIS: f64 = 40.0;
/// How much of the width steps share evenly; the rest goes by the time between them.
const EVEN: f64 = 0.6;
/// Marks that are at least this far apart have numbers.
const NUMBERED: f64 = 21.0;
/// How far apart times are written.
const TICK: f64 = 84.0;
/// How much of a host's name fits there, in columns.
const HOST: usize = 18;
/// How many hosts have a lane of their own.
const LANES: usize = 20;

/// Draws the first `most` steps, where there are several.
pub(super) fn draw(html: &mut Html, incident: &Incident, most: usize, zone: &Zone) {
    let steps = incident.steps.get(..most).unwrap_or(&incident.steps);
    if steps.len() < 2 {
        return;
    }
    let (lanes, of_step) = lanes(steps);
    let plan = Plan { incident, steps, places: places(steps), lanes: of_step, height: LANE * lanes.len() as f64 };
    html.element("figure", &[("class", &"scroll"), ("tabindex", &0)], |html| {
        let label = format!("Timeline of the steps on {} hosts; the list of steps says the same", lanes.len());
        let view = format!("0 0 {WIDTH} {}", plan.height + AXIS);
        html.element(
            "svg",
            &[("viewBox", &view), ("role", &"img"), ("aria-label", &label), ("class", &"timeline")],
            |html| {
                draw_lanes(html, &lanes);
                plan.draw_ticks(html, zone);
                plan.draw_hops(html);
                plan.draw_marks(html);
            },
        );
        let more = match incident.steps.len() - steps.len() {
            0 => String::new(),
            _ => format!(" The first {} of {} steps.", steps.len(), incident.steps.len()),
        };
        let caption = format!("When and where. Long times between steps are drawn shorter.{more}");
        html.words("figcaption", &[], &caption);
    });
}

/// The hosts in the order in which they appear, and which of them each step is of.
fn lanes(steps: &[Step]) -> (Vec<String>, Vec<usize>) {
    let mut lanes: Vec<String> = Vec::new();
    let mut lane_of = |step: &Step| {
        let name = if step.host.is_empty() { "host unknown".to_owned() } else { shorten(&step.host, HOST) };
        match lanes.iter().position(|lane| *lane == name) {
            Some(lane) => lane,
            None if lanes.len() < LANES => {
                lanes.push(name);
                lanes.len() - 1
            }
            None => {
                lanes.resize(LANES + 1, "other hosts".to_owned());
                LANES
            }
        }
    };
    let of_step = steps.iter().map(&mut lane_of).collect();
    (lanes, of_step)
}

/// Where each step stands from left to right.
fn places(steps: &[Step]) -> Vec<f64> {
    let time = |step: &Step| step.span.map(|(from, _)| from.as_nanos() as f64 / 1e9);
    let mut gaps = vec![0.0];
    for pair in steps.windows(2) {
        let [before, after] = pair else { continue };
        let gap = time(before).zip(time(after)).map_or(0.0, |(before, after)| (after - before).max(0.0));
        gaps.push((1.0 + gap).ln());
    }
    let all: f64 = gaps.iter().sum();
    let even = if all > 0.0 { EVEN } else { 1.0 };
    let last = steps.len().saturating_sub(1).max(1) as f64;
    let room = WIDTH - LEFT - RIGHT;
    let mut passed = 0.0;
    let place = |(number, gap): (usize, &f64)| {
        passed += gap;
        let by_time = if all > 0.0 { passed / all } else { 0.0 };
        LEFT + room * (even * number as f64 / last + (1.0 - even) * by_time)
    };
    gaps.iter().enumerate().map(place).collect()
}

fn draw_lanes(html: &mut Html, lanes: &[String]) {
    for (lane, name) in lanes.iter().enumerate() {
        let middle = middle(lane);
        html.element(
            "line",
            &[("class", &"lane"), ("x1", &LEFT), ("x2", &WIDTH), ("y1", &middle), ("y2", &middle)],
            |_| {},
        );
        html.words("text", &[("class", &"host"), ("x", &0), ("y", &(middle + 4.0))], name);
    }
}

/// The middle of a lane.
fn middle(lane: usize) -> f64 {
    LANE * (lane as f64 + 0.5)
}

/// What is drawn, and where.
struct Plan<'a> {
    incident: &'a Incident,
    steps: &'a [Step],
    places: Vec<f64>,
    lanes: Vec<usize>,
    height: f64,
}

impl Plan<'_> {
    fn draw_ticks(&self, html: &mut Html, zone: &Zone) {
        let (mut last, mut day) = (f64::NEG_INFINITY, String::new());
        for (step, x) in self.steps.iter().zip(&self.places) {
            let Some((from, _)) = step.span.filter(|_| x - last >= TICK) else { continue };
            last = *x;
            self.draw_tick(html, *x, from, &mut day, zone);
        }
    }

    fn draw_tick(&self, html: &mut Html, x: f64, time: Time, day: &mut String, zone: &Zone) {
        // What stands at the border would be cut off by it.
        let anchor = if x > WIDTH - 60.0 { "end" } else { "middle" };
        let shown = short(x);
        html.words(
            "text",
            &[("class", &"tick"), ("x", &shown), ("y", &(self.height + 16.0)), ("text-anchor", &anchor)],
            &zone.clock(time),
        );
        let today = zone.date(time);
        if *day != today {
            html.words(
                "text",
                &[("class", &"tick"), ("x", &shown), ("y", &(self.height + 32.0)), ("text-anchor", &anchor)],
                &today,
            );
            *day = today;
        }
    }

    /// Where the attack went from one host to another.
    fn draw_hops(&self, html: &mut Html) {
        for (to, link) in strongest(self.incident).into_iter().enumerate() {
            let Some(from) = link.map(|link| link.from) else { continue };
            let ends = self.lanes.get(from).zip(self.lanes.get(to)).filter(|(from, to)| from != to);
            let Some(((a, b), (x, until))) = ends.zip(self.places.get(from).zip(self.places.get(to))) else { continue };
            let (y, below) = (middle(*a), middle(*b));
            let half = (x + until) / 2.0;
            let path = format!("M{x:.0} {y:.0}C{half:.0} {y:.0} {half:.0} {below:.0} {until:.0} {below:.0}");
            html.element("path", &[("class", &"hop"), ("d", &path)], |_| {});
        }
    }

    fn draw_marks(&self, html: &mut Html) {
        let apart = self.places.windows(2).map(|pair| pair.iter().rev().copied().reduce(|a, b| a - b).unwrap_or(0.0));
        let numbered = apart.fold(f64::INFINITY, f64::min) >= NUMBERED;
        let id = self.incident.id;
        for (number, ((step, x), lane)) in self.steps.iter().zip(&self.places).zip(&self.lanes).enumerate() {
            let (x, y) = (short(*x), middle(*lane));
            let target = format!("#s-{id}-{}", number + 1);
            html.element("a", &[("href", &target), ("tabindex", &-1)], |html| {
                let radius = if numbered { 10 } else { 5 };
                html.element("circle", &[("class", &step.level), ("cx", &x), ("cy", &y), ("r", &radius)], |html| {
                    html.words("title", &[], &shorten(&step.sentence, 160));
                });
                if numbered {
                    let number = (number + 1).to_string();
                    html.words(
                        "text",
                        &[("class", &format_args!("in {}", step.level)), ("x", &x), ("y", &(y + 4.0))],
                        &number,
                    );
                }
            });
        }
    }
}

/// A coordinate with one decimal, which is as fine as it is seen.
fn short(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}
